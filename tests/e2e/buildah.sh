#!/usr/bin/env bash
# from scratch, copy, commit, push, pull; a manifest list of two platforms pushed whole.
. "$(dirname "$0")/lib/e2e.sh"

cat >"$work/storage.conf" <<CONF
[storage]
driver = "vfs"
graphroot = "$work/containers"
runroot = "$work/containers-run"
CONF
export CONTAINERS_STORAGE_CONF=$work/storage.conf BUILDAH_ISOLATION=chroot

start_server
echo hello >"$work/hello"

# build NAME ARCHITECTURE: an image of one file.
build() {
    local container
    container=$(buildah from --arch "$2" scratch)
    buildah copy "$container" "$work/hello" /hello
    buildah config --arch "$2" --label made-by=buildah "$container"
    buildah commit --rm "$container" "$1"
}

scenario "login"
buildah login --tls-verify=false --username admin --password "$password" "$registry"

scenario "an image is built, pushed and pulled"
build "$registry/library/buildah:amd64" amd64
id=$(buildah images --quiet --no-trunc "$registry/library/buildah:amd64")
buildah push --tls-verify=false --digestfile "$work/digest" "$registry/library/buildah:amd64"
buildah rmi --force "$registry/library/buildah:amd64"
buildah pull --tls-verify=false "$registry/library/buildah:amd64"
equal "$id" "$(buildah images --quiet --no-trunc "$registry/library/buildah:amd64")"
equal "$(cat "$work/digest")" \
    "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$registry/library/buildah:amd64")"

scenario "a manifest list of two platforms is pushed with all its images"
build "$registry/library/buildah:arm64" arm64
buildah manifest create both
buildah manifest add both "containers-storage:$registry/library/buildah:amd64"
buildah manifest add both "containers-storage:$registry/library/buildah:arm64"
buildah manifest push --all --tls-verify=false both "docker://$registry/library/buildah:both"
skopeo inspect --raw --tls-verify=false "docker://$registry/library/buildah:both" >"$work/index"
equal '["amd64","arm64"]' "$(jq -c '[.manifests[].platform.architecture] | sort' "$work/index")"

scenario "each platform is found through the list"
for architecture in amd64 arm64; do
    equal $architecture "$(skopeo inspect --tls-verify=false --override-arch $architecture \
        --format '{{.Architecture}}' "docker://$registry/library/buildah:both")"
done
