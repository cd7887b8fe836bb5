#!/usr/bin/env bash
# An index of several platforms: copied whole, byte for byte, and each platform found through it.
. "$(dirname "$0")/lib/e2e.sh"

start_server
image "$work/layout" multi --layers 3 --layer-kib 256 \
    --platform linux/amd64 --platform linux/arm64 --platform linux/s390x
skopeo copy --all "oci:$work/layout:multi" dir:"$work/sent"
skopeo login --tls-verify=false --username admin --password "$password" "$registry"

scenario "an index goes in and out with every image it names"
skopeo copy --all --dest-tls-verify=false dir:"$work/sent" "docker://$registry/library/multi:v1"
skopeo copy --all --src-tls-verify=false "docker://$registry/library/multi:v1" dir:"$work/came"
diff --recursive "$work/sent" "$work/came"

scenario "its digest is that of its bytes"
index=$(digest_of "$work/sent/manifest.json")
http 200 --head --header "Authorization: Bearer $(bearer repository:library/multi:pull)" \
    --header 'Accept: application/vnd.oci.image.index.v1+json' "$url/v2/library/multi/manifests/v1"
equal "$index" "$(header docker-content-digest)"
equal "application/vnd.oci.image.index.v1+json" "$(header content-type)"
equal "$(stat --format %s "$work/sent/manifest.json")" "$(header content-length)"

scenario "each platform is found through it"
for architecture in amd64 arm64 s390x; do
    equal $architecture "$(skopeo inspect --tls-verify=false --override-arch $architecture \
        --format '{{.Architecture}}' "docker://$registry/library/multi:v1")"
done

scenario "one platform alone can be copied"
skopeo copy --override-arch arm64 --src-tls-verify=false "docker://$registry/library/multi:v1" dir:"$work/arm64"
equal arm64 "$(jq -r .architecture "$work/arm64/$(jq -r .config.digest "$work/arm64/manifest.json" | cut -d : -f 2)")"

scenario "an index that names an absent image is refused"
jq -c '.manifests[0].digest = "sha256:" + ("0" * 64)' "$work/sent/manifest.json" >"$work/broken.json"
http 400 --request PUT --header "Authorization: Bearer $(bearer repository:library/multi:push,pull admin "$password")" \
    --header 'Content-Type: application/vnd.oci.image.index.v1+json' --data-binary "@$work/broken.json" \
    "$url/v2/library/multi/manifests/broken"
equal MANIFEST_BLOB_UNKNOWN "$(jq -r '.errors[0].code' <<<"$body")"

scenario "the API lists the index with its platforms"
api GET "/projects/library/repositories/multi/artifacts/$index" >"$work/artifact"
equal "$index" "$(jq -r .digest "$work/artifact")"
equal 3 "$(jq '.references | length' "$work/artifact")"

scenario "an image that an index names cannot be deleted alone"
child=$(jq -r '.manifests[1].digest' "$work/sent/manifest.json")
http 412 --request DELETE --user "admin:$password" "$url/api/v2.0/projects/library/repositories/multi/artifacts/$child"
