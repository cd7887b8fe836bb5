#!/usr/bin/env bash
# OCI artifacts: one without a configuration, a signature that refers to an image, referrers, tag lists in pages.
. "$(dirname "$0")/lib/e2e.sh"

start_server
skopeo login --tls-verify=false --username admin --password "$password" "$registry"
image "$work/layout" app --layers 2
image "$work/layout" notes --artifact-type application/vnd.example.notes --layer-kib 64 --seed notes
image "$work/layout" signature --artifact-type application/vnd.example.signature --seed signature
skopeo copy --dest-tls-verify=false "oci:$work/layout:app" "docker://$registry/library/art:app"
token=$(bearer 'repository:library/art:pull,push' admin "$password")
auth=(--header "Authorization: Bearer $token")
manifest=application/vnd.oci.image.manifest.v1+json

# manifest_of TAG: the file in the layout that the tag names.
manifest_of() {
    echo "$work/layout/blobs/sha256/$(jq -r --arg tag "$1" '.manifests[]
        | select(.annotations["org.opencontainers.image.ref.name"] == $tag).digest' "$work/layout/index.json" | cut -d : -f 2)"
}

# push_manifest FILE REFERENCE: with the blobs it names.
push_manifest() {
    local blob
    for blob in $(jq -r '.config.digest, .layers[].digest' "$1"); do
        push_blob library/art "$work/layout/blobs/sha256/${blob#sha256:}" "$token"
    done
    http 201 --request PUT "${auth[@]}" --header "Content-Type: $manifest" --data-binary "@$1" "$url/v2/library/art/manifests/$2"
    equal "$(digest_of "$1")" "$(header docker-content-digest)"
}

scenario "an artifact without a configuration goes in and comes out as it was"
push_manifest "$(manifest_of notes)" notes
http 200 "${auth[@]}" --header "Accept: $manifest" "$url/v2/library/art/manifests/notes"
cmp "$(manifest_of notes)" "$work/body"
content=$(jq -r '.layers[0].digest' "$work/body")
http 200 "${auth[@]}" "$url/v2/library/art/blobs/$content"
equal "$content" "$(digest_of "$work/body")"

scenario "the API shows its type"
api GET /projects/library/repositories/art/artifacts/notes >"$work/artifact"
equal application/vnd.example.notes "$(jq -r .artifact_type "$work/artifact")"

scenario "an artifact that refers to an image is listed with it"
subject=$(manifest_of app)
jq -c --arg digest "$(digest_of "$subject")" --argjson size "$(stat --format %s "$subject")" --arg type $manifest \
    '.subject = {mediaType: $type, digest: $digest, size: $size} | .annotations = {"org.example.by": "e2e"}' \
    "$(manifest_of signature)" >"$work/signature.json"
push_manifest "$work/signature.json" "$(digest_of "$work/signature.json")"
equal "$(digest_of "$subject")" "$(header oci-subject)"
http 200 "${auth[@]}" "$url/v2/library/art/referrers/$(digest_of "$subject")"
equal application/vnd.oci.image.index.v1+json "$(header content-type)"
equal "$(digest_of "$work/signature.json")" "$(jq -r '.manifests[0].digest' <<<"$body")"
equal application/vnd.example.signature "$(jq -r '.manifests[0].artifactType' <<<"$body")"
equal e2e "$(jq -r '.manifests[0].annotations["org.example.by"]' <<<"$body")"

scenario "referrers can be asked for by type; nothing refers to what is absent"
http 200 "${auth[@]}" "$url/v2/library/art/referrers/$(digest_of "$subject")?artifactType=application/vnd.example.other"
equal 0 "$(jq '.manifests | length' <<<"$body")"
http 200 "${auth[@]}" "$url/v2/library/art/referrers/sha256:$(printf '0%.0s' {1..64})"
equal 0 "$(jq '.manifests | length' <<<"$body")"

scenario "tags are listed in order and in pages"
for tag in b a c; do
    http 201 --request PUT "${auth[@]}" --header "Content-Type: $manifest" --data-binary "@$(manifest_of notes)" \
        "$url/v2/library/art/manifests/$tag"
done
http 200 "${auth[@]}" "$url/v2/library/art/tags/list?n=2"
equal '["a","app"]' "$(jq -c .tags <<<"$body")"
next=$(header link | sed -n 's/^<\([^>]*\)>; *rel="next".*/\1/p')
http 200 "${auth[@]}" "$(absolute "$next")"
equal '["b","c"]' "$(jq -c .tags <<<"$body")"

scenario "a manifest whose blobs were never sent is refused"
jq -c '.layers[0].digest = "sha256:" + ("1" * 64)' "$(manifest_of notes)" >"$work/hollow.json"
http 400 --request PUT "${auth[@]}" --header "Content-Type: $manifest" --data-binary "@$work/hollow.json" \
    "$url/v2/library/art/manifests/hollow"
equal MANIFEST_BLOB_UNKNOWN "$(jq -r '.errors[0].code' <<<"$body")"

scenario "what is not a manifest is refused"
http 400 --request PUT "${auth[@]}" --header "Content-Type: $manifest" --data-binary '{"schemaVersion":2' \
    "$url/v2/library/art/manifests/nonsense"
equal MANIFEST_INVALID "$(jq -r '.errors[0].code' <<<"$body")"
