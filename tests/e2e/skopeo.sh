#!/usr/bin/env bash
# copy, inspect, list-tags, delete, sync; what comes back is byte for byte what was sent.
. "$(dirname "$0")/lib/e2e.sh"

start_server
image "$work/layout" v1 --layers 4 --layer-kib 2048
image "$work/layout" v2 --layers 2 --layer-kib 64 --seed 2

scenario "login stores what later commands use"
refuses skopeo login --tls-verify=false --username admin --password wrong "$registry"
contains "$out" "invalid username/password"
skopeo login --tls-verify=false --username admin --password "$password" "$registry"

scenario "an image copied in and out has the same bytes"
skopeo copy "oci:$work/layout:v1" dir:"$work/sent"
skopeo copy --dest-tls-verify=false dir:"$work/sent" "docker://$registry/library/app:v1"
skopeo copy --src-tls-verify=false "docker://$registry/library/app:v1" dir:"$work/came"
diff --recursive "$work/sent" "$work/came"

scenario "an image of Docker's schema 2 keeps its digest"
skopeo copy --dest-tls-verify=false --format v2s2 "oci:$work/layout:v2" "docker://$registry/library/app:schema2"
skopeo copy --src-tls-verify=false "docker://$registry/library/app:schema2" dir:"$work/schema2"
contains "$(cat "$work/schema2/manifest.json")" "application/vnd.docker.distribution.manifest.v2+json"
equal "$(digest_of "$work/schema2/manifest.json")" \
    "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$registry/library/app:schema2")"

scenario "inspect tells digest, layers and labels"
skopeo inspect --tls-verify=false "docker://$registry/library/app:v1" >"$work/inspected"
equal "$(digest_of "$work/sent/manifest.json")" "$(jq -r .Digest "$work/inspected")"
equal 4 "$(jq '.Layers | length' "$work/inspected")"
equal 0 "$(jq -r .Labels.seed "$work/inspected")"

scenario "list-tags lists every tag in order"
skopeo copy --dest-tls-verify=false "oci:$work/layout:v2" "docker://$registry/library/app:v2"
equal '["schema2","v1","v2"]' "$(skopeo list-tags --tls-verify=false "docker://$registry/library/app" | jq -c .Tags)"

scenario "a copy by digest is the image of that digest"
skopeo copy --src-tls-verify=false "docker://$registry/library/app@$(digest_of "$work/sent/manifest.json")" \
    dir:"$work/by-digest"
diff --recursive "$work/sent" "$work/by-digest"

scenario "a copy between two repositories keeps the bytes"
skopeo copy --src-tls-verify=false --dest-tls-verify=false \
    "docker://$registry/library/app:v1" "docker://$registry/library/deep/er/app:v1"
skopeo copy --src-tls-verify=false "docker://$registry/library/deep/er/app:v1" dir:"$work/deeper"
diff --recursive "$work/sent" "$work/deeper"

scenario "sync takes a whole repository to a folder and back into another project"
make_project mirror
skopeo sync --src docker --dest dir --src-tls-verify=false "$registry/library/app" "$work/synced"
equal 3 "$(find "$work/synced" -name manifest.json | wc -l)"
skopeo sync --src dir --dest docker --dest-tls-verify=false "$work/synced" "$registry/mirror"
equal '["schema2","v1","v2"]' "$(skopeo list-tags --tls-verify=false "docker://$registry/mirror/app" | jq -c .Tags)"
skopeo copy --src-tls-verify=false "docker://$registry/mirror/app:v1" dir:"$work/mirrored"
diff --recursive "$work/sent" "$work/mirrored"

scenario "delete removes the image and nothing else"
skopeo delete --tls-verify=false "docker://$registry/library/app:v2"
refuses skopeo inspect --tls-verify=false "docker://$registry/library/app:v2"
contains "$out" "manifest unknown"
skopeo inspect --tls-verify=false "docker://$registry/library/app:v1"

scenario "after logout nothing can be pushed"
skopeo logout "$registry"
refuses skopeo copy --dest-tls-verify=false "oci:$work/layout:v1" "docker://$registry/library/app:v3"
contains "$out" "unauthorized"
