# shellcheck shell=bash
# A Docker daemon of the test's own, and a base image made from Debian's packages.
#
# Sourced after e2e.sh, whose $work and $cache it uses. Registries on 127.0.0.1 need no TLS by Docker's own default.

# start_docker [OPTION..]: of the daemon. `docker` talks to it from then on. It has no network of its own and leaves the host's alone.
start_docker() {
    have_root
    export DOCKER_HOST=unix://$work/docker.sock
    # Set when this runs under another Docker's configuration.
    unset DOCKER_CONTEXT DOCKER_TLS_VERIFY
    docker_daemon overlay2 "$@" || docker_daemon vfs "$@"
    on_exit stop_docker
}

have_root() { [ "$(id -u)" -eq 0 ] || broken "root is needed to start dockerd"; }

docker_daemon() {
    dockerd --data-root "$work/docker-data" --exec-root "$work/docker-exec" --pidfile "$work/docker.pid" \
        --host "$DOCKER_HOST" --storage-driver "$@" --iptables=false --ip6tables=false --bridge=none \
        >"$work/dockerd.log" 2>&1 3>&- &
    docker_daemon_pid=$!
    within 60 docker_answers_or_gone
    docker_answers
}

docker_answers() { docker version >/dev/null 2>&1; }
docker_answers_or_gone() { docker_answers || ! kill -0 "$docker_daemon_pid" 2>/dev/null; }

stop_docker() {
    kill "$docker_daemon_pid" 2>/dev/null && wait "$docker_daemon_pid"
    # Its layers are mounts as long as containers exist.
    awk -v folder="$work/" 'index($2, folder) == 1 { print $2 }' /proc/mounts | sort -r | while read -r mount; do
        umount --lazy "$mount"
    done
}

# debian_base: the file name of a root file system as a tar. Made once: debootstrap takes a minute or two.
debian_base() {
    local tar=$cache/debian-bookworm-minbase.tar folder=$work/debian
    if [ ! -s "$tar" ]; then
        debootstrap --variant=minbase bookworm "$folder" http://deb.debian.org/debian >&2
        tar --create --numeric-owner --directory "$folder" --exclude=./var/cache/apt/archives/*.deb --file "$tar.$$" .
        rm -rf "$folder"
        mv "$tar.$$" "$tar"
    fi
    echo "$tar"
}

# docker_build FOLDER NAME: an image from the folder with the Dockerfile on standard input.
docker_build() {
    # The classic builder: the other one is a plug-in that Debian does not package.
    DOCKER_BUILDKIT=0 docker build --quiet --tag "$2" --file - "$1"
}
