#!/usr/bin/env bash
# 200 small images pushed at once into 20 repositories, pulled at once, compared byte for byte.
. "$(dirname "$0")/lib/e2e.sh"

start_server
skopeo login --tls-verify=false --username admin --password "$password" "$registry"
image "$work/layout" t --layers 2 --layer-kib 8 --count 200
export work registry

# Every image shares nothing with the others but its repository.
push() { skopeo copy --quiet --dest-tls-verify=false "oci:$work/layout:t$1" "docker://$registry/library/many-$(($1 % 20)):t$1"; }
pull() { skopeo copy --quiet --src-tls-verify=false "docker://$registry/library/many-$(($1 % 20)):t$1" "dir:$work/came/$1"; }
export -f push pull

scenario "200 images pushed by 16 clients at a time"
seq 0 199 | xargs --max-procs 16 --replace bash -ec 'push {}'

scenario "200 images pulled by 16 clients at a time"
mkdir "$work/came"
seq 0 199 | xargs --max-procs 16 --replace bash -ec 'pull {}'

scenario "every byte came back"
for number in $(seq 0 199); do
    cmp "$work/came/$number/manifest.json" "$work/layout/blobs/sha256/$(sha256sum <"$work/came/$number/manifest.json" | cut -d ' ' -f 1)"
    for blob in "$work/came/$number"/????????????????????????????????????????????????????????????????; do
        cmp "$blob" "$work/layout/blobs/sha256/${blob##*/}"
    done
done

scenario "every repository lists its ten tags, and the API counts them"
for number in 0 7 19; do
    equal 10 "$(skopeo list-tags --tls-verify=false "docker://$registry/library/many-$number" | jq '.Tags | length')"
done
equal 20 "$(api GET '/projects/library' | jq .repo_count)"
equal 10 "$(api GET '/projects/library/repositories/many-3' | jq .artifact_count)"

scenario "the same tag pushed by many at once ends as one of them"
same() { skopeo copy --quiet --dest-tls-verify=false "oci:$work/layout:t$1" "docker://$registry/library/same:latest"; }
export -f same
seq 0 15 | xargs --max-procs 16 --replace bash -ec 'same {}'
skopeo copy --quiet --src-tls-verify=false "docker://$registry/library/same:latest" dir:"$work/same"
[ -f "$work/layout/blobs/sha256/$(sha256sum <"$work/same/manifest.json" | cut -d ' ' -f 1)" ]
