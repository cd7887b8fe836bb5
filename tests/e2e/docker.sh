#!/usr/bin/env bash
# login with a daemon, push and pull of more than 300 MB on a Debian base, mounts between projects, logout.
. "$(dirname "$0")/lib/e2e.sh"
. "$e2e/lib/docker.sh"

start_server
start_docker
context=$work/context
mkdir -p "$context"
for part in 1 2 3; do head -c 105M /dev/urandom >"$context/part-$part.bin"; done
docker import "$(debian_base)" e2e/debian
docker_build "$context" "$registry/library/big:v1" <<'FILE'
FROM e2e/debian
COPY part-1.bin /opt/part-1.bin
COPY part-2.bin /opt/part-2.bin
COPY part-3.bin /opt/part-3.bin
LABEL made-by=e2e
FILE
id=$(docker image inspect --format '{{.Id}}' "$registry/library/big:v1")
docker save "$id" | sha256sum >"$work/before"

scenario "login refuses a wrong password and accepts the right one"
refuses docker login --username admin --password wrong "$registry"
contains "$out" "unauthorized"
docker login --username admin --password-stdin "$registry" <<<"$password"

scenario "a push of four layers and more than 300 MB succeeds"
equal 4 "$(docker image inspect --format '{{len .RootFS.Layers}}' "$id")"
below "$(docker image inspect --format '{{.Size}}' "$id")" "$((300 * 1024 * 1024))"
docker push "$registry/library/big:v1" | tee "$work/pushed"
contains "$(cat "$work/pushed")" "Pushed"
digest=$(sed -n 's/.*digest: \(sha256:[0-9a-f]*\).*/\1/p' "$work/pushed")

scenario "pushing it again sends nothing"
docker push "$registry/library/big:v1" | tee "$work/again"
equal 4 "$(grep -c 'Layer already exists' "$work/again")"
equal 0 "$(grep -c 'Pushed' "$work/again" || true)"

scenario "the same layers in another project are mounted, not sent again"
make_project second
docker tag "$registry/library/big:v1" "$registry/second/copy:v1"
stored=$(stored_bytes)
docker push "$registry/second/copy:v1" | tee "$work/mounted"
equal 4 "$(grep -c 'Mounted from library/big' "$work/mounted")"
below $((stored + 1024 * 1024)) "$(stored_bytes)"

scenario "an image built on it sends its own layer only"
echo small >"$context/small"
docker_build "$context" "$registry/library/child:v1" <<FILE
FROM $registry/library/big:v1
COPY small /opt/small
FILE
docker push "$registry/library/child:v1" | tee "$work/child"
equal 1 "$(grep -c ': Pushed' "$work/child")"
equal 4 "$(grep -c 'Mounted from\|already exists' "$work/child")"

scenario "what is pulled is what was pushed"
docker image rm --force "$registry/library/child:v1" "$registry/second/copy:v1" "$registry/library/big:v1" "$id"
refuses docker image inspect "$id"
docker image rm --force e2e/debian
docker pull "$registry/library/big:v1"
equal "$id" "$(docker image inspect --format '{{.Id}}' "$registry/library/big:v1")"
docker save "$id" | sha256sum >"$work/after"
diff "$work/before" "$work/after"

scenario "a pull by digest gives the same image"
docker pull "$registry/library/big@$digest"
equal "$id" "$(docker image inspect --format '{{.Id}}' "$registry/library/big@$digest")"

scenario "files come out as they went in"
container=$(docker create "$registry/library/big:v1" /bin/true)
docker cp "$container:/opt/part-2.bin" "$work/part-2.bin"
cmp "$context/part-2.bin" "$work/part-2.bin"
docker rm "$container"

scenario "a project that does not exist is named in the refusal"
docker tag "$registry/library/big:v1" "$registry/absent/app:v1"
refuses docker push "$registry/absent/app:v1"
contains "$out" 'project "absent" does not exist'
contains "$out" "denied"

scenario "a missing tag is not found"
refuses docker pull "$registry/library/big:absent"
contains "$out" "not found"

scenario "after logout a private project cannot be pulled, a public one can"
docker logout "$registry"
refuses docker push "$registry/library/big:v1"
refuses docker pull "$registry/second/copy:v1"
docker pull "$registry/library/child:v1"
