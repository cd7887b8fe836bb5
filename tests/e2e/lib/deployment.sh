# shellcheck shell=bash
# The platform as an operator installs it: the offline package in an empty folder, and a Docker daemon.
#
# Sourced after namespace.sh, e2e.sh and docker.sh. The host's name is harbor.test; what it keeps is below $work.

package=$(find "$root/target/package" -maxdepth 1 -name 'harbor-offline-installer-*.tgz' 2>/dev/null | sort -V | tail -n 1)
[ -n "$package" ] || { report "no package below target/package: run ./test.sh package"; exit 1; }

host=harbor.test
folder=$work/harbor
data=$work/data
service_logs=$work/logs
# shellcheck disable=SC2034  # for the tests
services=(log db registry token ui jobservice proxy)
containers=(harbor-log harbor-db registry harbor-token harbor-ui harbor-jobservice nginx)

printf '127.0.0.1 localhost\n127.0.0.1 %s\n' "$host" >"$work/hosts"
mount --bind "$work/hosts" /etc/hosts

# As an operator has it: the plug-in of the command, or the older program.
case $compose_version in
    1.29) composer=(docker-compose) ;;
    2)
        mkdir -p "$DOCKER_CONFIG/cli-plugins"
        ln -s "$root/target/e2e/compose/docker-compose" "$DOCKER_CONFIG/cli-plugins/docker-compose"
        composer=(docker compose)
        ;;
esac

# start_host: a Docker daemon with networks of its own.
start_host() {
    export DOCKER_HOST=unix://$work/docker.sock
    unset DOCKER_CONTEXT DOCKER_TLS_VERIFY
    boot
    on_exit halt
}

# boot: the daemon alone, as when the machine comes up.
boot() {
    dockerd --data-root "$work/docker-data" --exec-root "$work/docker-exec" --pidfile "$work/docker.pid" \
        --host "$DOCKER_HOST" --bridge=none --default-address-pool base=10.213.0.0/16,size=24 \
        >>"$work/dockerd.log" 2>&1 3>&- &
    docker_daemon_pid=$!
    within 60 docker_answers_or_gone
    docker_answers
}

halt() {
    kill "$docker_daemon_pid" 2>/dev/null && wait "$docker_daemon_pid"
    forget_mounts
}

forget_mounts() {
    awk -v folder="$work/" 'index($2, folder) == 1 { print $2 }' /proc/mounts | sort -r | while read -r mount; do
        umount --lazy "$mount"
    done
}

compose() { (cd "$folder" && "${composer[@]}" "$@"); }

# unpack [PACKAGE]: over what is there.
unpack() { tar --extract --gzip --file "${1:-$package}" --directory "$work"; }

# configure LINE..: harbor.cfg, with the folders of the test.
configure() { printf '%s\n' "data_volume = $data" "log_location = $service_logs" "$@" >"$folder/harbor.cfg"; }

# install: as an operator does; sets what the words of e2e.sh need.
install_harbor() {
    "$folder/install.sh"
    look_around
}

# look_around: sets $url, $registry and $password from what was prepared.
look_around() {
    url=$(sed -n 's/^HARBOR_URL=//p' "$folder/.env")
    registry=${url#*://}
    password=$(cat "$data/secret/admin_password")
    if [ -f "$data/cert/ca.crt" ]; then
        # As the installation says: for Docker, podman and skopeo; and for curl.
        mkdir -p "/etc/docker/certs.d/$registry"
        cp "$data/cert/ca.crt" "/etc/docker/certs.d/$registry/ca.crt"
        export CURL_CA_BUNDLE=$data/cert/ca.crt
    fi
}

# health CONTAINER
health() { docker inspect --format '{{.State.Health.Status}}' "$1"; }

all_healthy() {
    local container
    for container in "${containers[@]}"; do [ "$(health "$container")" = healthy ] || return 1; done
}

# status PATH: of the answer, 000 if there is none.
status() { curl -sk --max-time 5 -o /dev/null -w '%{http_code}' "$url$1"; }

# answers: whether each service that a client talks to does; those that wait for the database come up one by one.
# Nobody in particular is refused by registry and token service in their own words, not by the front in theirs.
answers() {
    [ "$(status /api/v2.0/ping)" = 200 ] && [ "$(status /v2/)" = 401 ] \
        && [ "$(status '/service/token?service=harbor-registry')" = 401 ]
}

# logged SERVICE TEXT: whether the text is in the service's log.
logged() { grep --quiet --fixed-strings -- "$2" "$service_logs/$1.log"; }

# small_image NAME: made here, for docker to push; new content each time.
small_image() {
    local context
    context=$(mktemp -d "$work/image.XXXXXX")
    head -c 300000 /dev/urandom >"$context/content"
    printf 'FROM scratch\nCOPY content /content\nCMD ["/content"]\n' | DOCKER_BUILDKIT=0 docker build --quiet --tag "$1" --file - "$context"
    rm -r "$context"
}

# push_pull NAME: through the daemon, and back; the same image must come.
push_pull() {
    local id
    small_image "$registry/$1"
    id=$(docker image inspect --format '{{.Id}}' "$registry/$1")
    docker push "$registry/$1"
    docker image rm "$registry/$1"
    docker pull "$registry/$1"
    equal "$id" "$(docker image inspect --format '{{.Id}}' "$registry/$1")"
}

docker_login() { docker login --username admin --password-stdin "$registry" <<<"$password"; }

# kill_container NAME: as the kernel would when memory runs out; `docker kill` is an order not to start it again.
kill_container() {
    local pid
    pid=$(docker inspect --format '{{.State.Pid}}' "$1")
    [ "$pid" -gt 0 ]
    kill -KILL "$pid"
    within 30 is_new_process "$1" "$pid"
}

is_new_process() {
    local pid
    pid=$(docker inspect --format '{{.State.Pid}}' "$1")
    [ "$pid" -gt 0 ] && [ "$pid" -ne "$2" ]
}

# check_pushed: everything that was acknowledged is there, byte for byte.
check_pushed() { equal "$(wc -l <"$work/pushed")" "$(python3 "$e2e/lib/pusher.py" check "$url" "$password" "$work/pushed")"; }

# keep_pushing: small images, one after the other, in the background; what is acknowledged is in $work/pushed.
keep_pushing() {
    touch "$work/pushed"
    python3 "$e2e/lib/pusher.py" keep "$url" "$password" "$work/pushed" &
    pusher=$!
    on_exit "kill -KILL $pusher"
}

# goes_on LINES: more were acknowledged than those.
goes_on() { [ "$(wc -l <"$work/pushed")" -gt "$1" ]; }

stop_pushing() {
    kill -INT "$pusher"
    wait "$pusher"
    report "        $(wc -l <"$work/pushed") images were acknowledged meanwhile"
    check_pushed
}
