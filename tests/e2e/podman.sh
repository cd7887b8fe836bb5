#!/usr/bin/env bash
# login, build, push, pull, search and logout; what comes back has the same id and digest.
. "$(dirname "$0")/lib/e2e.sh"

# Storage of its own; vfs needs nothing of the kernel.
cat >"$work/storage.conf" <<CONF
[storage]
driver = "vfs"
graphroot = "$work/containers"
runroot = "$work/containers-run"
CONF
export CONTAINERS_STORAGE_CONF=$work/storage.conf

start_server
mkdir "$work/context"
head -c 5M /dev/urandom >"$work/context/data.bin"
printf 'FROM scratch\nCOPY data.bin /data.bin\nLABEL made-by=e2e\n' >"$work/context/Containerfile"

scenario "login refuses a wrong password and accepts the right one"
refuses podman login --tls-verify=false --username admin --password wrong "$registry"
podman login --tls-verify=false --username admin --password "$password" "$registry"
equal admin "$(podman login --get-login "$registry")"

scenario "an image built here is pushed"
podman build --isolation chroot --tag "$registry/library/podman:v1" "$work/context"
id=$(podman image inspect --format '{{.Id}}' "$registry/library/podman:v1")
podman push --tls-verify=false --digestfile "$work/digest" "$registry/library/podman:v1"
digest=$(cat "$work/digest")

scenario "a pull gives the image that was pushed"
podman rmi --force "$id"
podman pull --tls-verify=false "$registry/library/podman:v1"
equal "$id" "$(podman image inspect --format '{{.Id}}' "$registry/library/podman:v1")"
equal "$digest" "$(podman image inspect --format '{{.Digest}}' "$registry/library/podman:v1")"

scenario "files come out as they went in"
cmp "$work/context/data.bin" "$(podman image mount "$registry/library/podman:v1")/data.bin"
podman image unmount "$registry/library/podman:v1"

scenario "a pull by digest works, also in Docker's format"
podman push --tls-verify=false --format v2s2 --digestfile "$work/digest2" "$registry/library/podman:v1" \
    "docker://$registry/library/podman:docker"
podman rmi --force "$id"
podman pull --tls-verify=false "$registry/library/podman@$(cat "$work/digest2")"

scenario "search finds repositories"
contains "$(podman search --tls-verify=false "$registry/library/podman")" "library/podman"
contains "$(podman search --tls-verify=false --list-tags "$registry/library/podman")" "docker"

scenario "after logout a push is refused"
podman logout "$registry"
podman pull --tls-verify=false "$registry/library/podman:v1"
refuses podman push --tls-verify=false "$registry/library/podman:v1"
contains "$out" "unauthorized"
