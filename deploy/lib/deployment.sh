# shellcheck shell=bash
# `./install.sh`: the platform as containers of one host, as harbor.cfg says.
#
# Sourced after setup.sh, by install.sh, which has read the options. Every check says what to do when it fails, and
# no container is touched before all of them have passed.

: "${root:?is set by whoever sources this}"

DOCKER_REQUIRED=20.10
COMPOSE_REQUIRED=1.29
# MiB that the data needs at the least; below the second, a warning.
DISK_REQUIRED=1024
DISK_WANTED=10240
# Seconds until every container must be healthy.
HEALTHY_WITHIN=180

step=0
step() {
    printf '\n[Step %s]: %s ...\n' "$step" "$1"
    step=$((step + 1))
}

install_deployment() {
    case ${conf:=$root/harbor.cfg} in /*) ;; *) conf=$PWD/$conf ;; esac
    cd "$root" || return
    step "checking installation environment"
    check_configuration
    check_docker
    check_compose
    obtain_images
    step "preparing environment"
    as_root "$root/prepare" --conf "$conf" || fail "the configuration could not be prepared" "what is wrong is said above; nothing was changed"
    step "checking existing instance of Harbor"
    check_disk
    check_names
    check_ports
    stop_existing
    step "starting Harbor"
    compose up --detach --remove-orphans \
        || fail "the containers could not be started" "what Docker says is above; then: docker-compose ps"
    wait_until_healthy
    congratulate
}

check_configuration() {
    [ -f "$root/harbor.cfg.example" ] || fail "this folder is not complete: there is no harbor.cfg.example" "unpack the installer again"
    if [ ! -f "$conf" ]; then
        cp "$root/harbor.cfg.example" "$conf"
        chmod 0600 "$conf"
        fail "there was no $conf; an example has been put there" "set hostname in it (not localhost or 127.0.0.1), then run this script again"
    fi
}

check_docker() {
    local version
    have docker || fail "docker is not installed" "install Docker $DOCKER_REQUIRED or newer: https://docs.docker.com/engine/install/"
    version=$(docker version --format '{{.Server.Version}}' 2>/dev/null) \
        || fail "the Docker daemon does not answer" "start it (systemctl start docker), and run this script as root or as a member of the group docker"
    at_least "$version" "$DOCKER_REQUIRED" || fail "Docker $version is too old" "install Docker $DOCKER_REQUIRED or newer: https://docs.docker.com/engine/install/"
    echo "Note: docker version: $version"
}

# The plug-in first: where both are, it is the newer one. Sets $composer.
check_compose() {
    local version
    if version=$(docker compose version --short 2>/dev/null) && [ -n "$version" ]; then
        composer=(docker compose)
    elif have docker-compose; then
        composer=(docker-compose)
        version=$(docker-compose version --short 2>/dev/null) || fail "docker-compose does not run" "install it again: https://docs.docker.com/compose/install/"
    else
        fail "neither 'docker compose' nor 'docker-compose' is installed" \
            "install the plug-in (apt-get install docker-compose-plugin) or docker-compose $COMPOSE_REQUIRED: https://docs.docker.com/compose/install/"
    fi
    at_least "${version#v}" "$COMPOSE_REQUIRED" || fail "${composer[*]} $version is too old" "install $COMPOSE_REQUIRED or newer: https://docs.docker.com/compose/install/"
    echo "Note: ${composer[*]} version: $version"
}

compose() { "${composer[@]}" --project-directory "$root" "$@"; }

# Loaded from the offline package, pulled, or built from the sources.
obtain_images() {
    local archive
    archive=$(find "$root" -maxdepth 1 -name 'harbor.*.tar.gz' | sort -V | tail -n 1)
    if [ -z "$images" ] && [ -f "$root/deploy/release" ]; then
        images=$(sed -n 's/^images=//p' "$root/deploy/release")
    fi
    if [ -n "$images" ]; then
        step "pulling Harbor images"
        pull_images
    elif [ -n "$archive" ]; then
        step "loading Harbor images"
        forget_images
        docker load --input "$archive" || fail "the images could not be loaded from $archive" "is there space left, and is the package complete?"
    elif [ -f "$root/Cargo.toml" ]; then
        step "building Harbor images"
        forget_images
        ensure_compiler
        ensure_rust
        (cd "$root" && cargo xtask images) || fail "the images could not be built" "what failed is said above"
    else
        fail "this package holds no images and does not say where they are" \
            "./install.sh --images registry.example.com/harbor, or take the offline installer"
    fi
}

# Notes in .env where they are: prepare keeps lines that it does not know.
pull_images() {
    local name version
    version=$(release_version)
    for name in harbor harbor-db; do
        docker pull "${images%/}/$name:$version" || fail "${images%/}/$name:$version could not be pulled" "check the name, and docker login"
    done
    forget_images
    printf 'HARBOR_IMAGE=%s/harbor\nHARBOR_DB_IMAGE=%s/harbor-db\n' "${images%/}" "${images%/}" | as_root tee -a "$root/.env" >/dev/null
}

# What an earlier installer noted.
forget_images() { [ ! -f "$root/.env" ] || as_root sed -i -e '/^HARBOR_IMAGE=/d' -e '/^HARBOR_DB_IMAGE=/d' "$root/.env"; }

# setting NAME: of .env, which prepare has written.
setting() { sed -n "s/^$1=//p" "$root/.env" | tail -n 1 | sed -e "s/^['\"]//" -e "s/['\"]$//"; }

check_disk() {
    local folder free
    folder=$(setting HARBOR_DATA)
    free=$(df -Pk "$folder" | awk 'NR == 2 { print int($4 / 1024) }')
    [ "$free" -ge "$DISK_REQUIRED" ] || fail "$folder has $free MiB of free space; $DISK_REQUIRED are needed" \
        "free some, or set data_volume in harbor.cfg to a larger disk"
    [ "$free" -ge "$DISK_WANTED" ] || echo "Note: $folder has only $free MiB of free space"
}

# Containers of ours have fixed names, as Harbor's always had: another project may hold one.
check_names() {
    local name project
    for name in harbor-log harbor-db registry registry-2 harbor-token harbor-ui harbor-jobservice nginx; do
        project=$(docker inspect --type container --format '{{index .Config.Labels "com.docker.compose.project"}}' "$name" 2>/dev/null) || continue
        [ "$project" = harbor ] || fail "a container named $name exists, and is not of this installation" \
            "remove it (docker rm -f $name), or stop the other installation (docker-compose down in its folder)"
    done
}

check_ports() {
    local port ports taken=()
    ports="$(setting HARBOR_HTTP_PORT) 1514"
    case $(setting COMPOSE_FILE) in *https.yml*) ports="$ports $(setting HARBOR_HTTPS_PORT)" ;; esac
    for port in $ports; do
        if is_listening "$port" && ! is_ours "$port"; then
            taken+=("$port")
        fi
    done
    [ ${#taken[@]} -eq 0 ] || fail "in use by another program: port ${taken[*]}" \
        "stop that program (ss -ltnp tells which), or set http_port and https_port in harbor.cfg"
}

is_listening() { (exec 5<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Of a running instance: the collector has no published port, it listens on the host itself.
is_ours() {
    docker ps --filter label=com.docker.compose.project=harbor --format '{{.Names}} {{.Ports}}' \
        | sed 's/^harbor-log .*/:1514->/' | grep -q ":$1->"
}

stop_existing() {
    if [ -n "$(compose ps --quiet 2>/dev/null)" ]; then
        echo "Note: stopping existing Harbor instance ..."
        compose down --remove-orphans || fail "the running instance could not be stopped" "what Docker says is above"
    fi
}

wait_until_healthy() {
    local began=$SECONDS ill
    # A question that failed is asked again: it is no answer.
    until ill=$(unhealthy) && [ -z "$ill" ]; do
        if [ $((SECONDS - began)) -ge $HEALTHY_WITHIN ]; then
            local name
            for name in $ill; do
                printf '\n%s, its last lines:\n' "$name" >&2
                docker logs --tail 20 "$name" >&2 || true
            done
            fail "not healthy after $HEALTHY_WITHIN s: $(echo "${ill:-the containers could not be asked}" | tr '\n' ' ')" "more lines are in $(setting HARBOR_LOGS); then run this script again"
        fi
        sleep 1
    done
    echo "Note: every container is healthy after $((SECONDS - began)) s"
}

# The names of those of our containers that are not (yet) healthy; one a line. One without a health check has to run.
unhealthy() {
    local ids
    mapfile -t ids < <(docker ps --all --quiet --filter label=com.docker.compose.project=harbor --filter label=com.docker.compose.oneoff=False)
    [ ${#ids[@]} -gt 0 ] || return 1
    docker inspect --format '{{.Name}} {{if .State.Health}}{{.State.Health.Status}}{{else if .State.Running}}healthy{{else}}{{.State.Status}}{{end}}' "${ids[@]}" \
        | awk '$2 != "healthy" { print substr($1, 2) }'
}

congratulate() {
    local url
    url=$(setting HARBOR_URL)
    printf '\n\xe2\x9c\x94 ----Harbor has been installed and started successfully.----\n\n'
    echo "Now you should be able to visit the admin portal at $url."
    if as_root test -f "$(setting HARBOR_DATA)/secret/admin_password"; then
        echo "User admin; the first password is in $(setting HARBOR_DATA)/secret/admin_password."
    else
        echo "User admin; the first password is harbor_admin_password of harbor.cfg."
    fi
}
