#!/usr/bin/env bash
# Garbage collection: dry run, from the command line and the API, beside running pushes, and what it must leave alone.
. "$(dirname "$0")/lib/e2e.sh"

start_server
skopeo login --tls-verify=false --username admin --password "$password" "$registry"
# The second has the layers of the first and one more of its own.
image "$work/layout" keep --layers 2 --layer-kib 1024 --seed shared
image "$work/layout" drop --layers 3 --layer-kib 1024 --seed shared
# Deleted repositories go at once here; tests/e2e/integrity.sh restores one.
api PUT /configurations '{"deletion_grace":0}'
push() { skopeo copy --dest-tls-verify=false "oci:$work/layout:$1" "docker://$registry/library/$2"; }
pull() { rm -rf "$work/pulled" && skopeo copy --src-tls-verify=false "docker://$registry/library/$1" dir:"$work/pulled"; }
push keep kept:v1
push drop dropped:v1
collect() { "$binary" gc --data "$data" "$@"; }

scenario "what is in use stays"
before=$(stored_bytes)
collect --time-window 0
equal "$before" "$(stored_bytes)"
pull kept:v1
pull dropped:v1

scenario "what a deleted artifact had stays for the window's time"
api DELETE /projects/library/repositories/dropped/artifacts/v1
collect
equal "$before" "$(stored_bytes)"

scenario "a dry run tells what would go and removes nothing"
said=$(collect --dry-run --time-window 0)
[[ $said =~ [1-9] ]]
equal "$before" "$(stored_bytes)"

scenario "a run removes the layer that nothing uses, and only that"
collect --time-window 0
below $((before - 1024 * 1024 + 1)) "$(stored_bytes)"
below "$(stored_bytes)" $((before - 1100 * 1024))
pull kept:v1
refuses pull dropped:v1

scenario "a collected image can be pushed again"
push drop dropped:v1
pull dropped:v1
equal 3 "$(jq '.layers | length' "$work/pulled/manifest.json")"

scenario "untagged artifacts go when asked to"
image "$work/layout" other --layers 1 --layer-kib 1024 --seed other
push other dropped:v1
collect --time-window 0
equal 2 "$(api GET /projects/library/repositories/dropped/artifacts | jq length)"
before=$(stored_bytes)
collect --time-window 0 --delete-untagged
below "$before" "$(stored_bytes)"
equal 1 "$(api GET /projects/library/repositories/dropped/artifacts | jq length)"
pull dropped:v1

scenario "the API runs it and keeps its history and log"
before=$(stored_bytes)
api DELETE /projects/library/repositories/dropped
api POST /system/gc/schedule '{"schedule":{"type":"Manual"},"parameters":{"delete_untagged":true,"dry_run":true,"time_window":0}}'
last() { api GET '/system/gc?page_size=1&sort=-creation_time' | jq -r '.[0]'; }
is_done() { [ "$(last | jq -r .job_status)" = Success ]; }
within 20 is_done
equal "$before" "$(stored_bytes)"
number=$(last | jq .id)
[ -n "$(api GET "/system/gc/$number/log")" ]
api POST /system/gc/schedule '{"schedule":{"type":"Manual"},"parameters":{"delete_untagged":true,"time_window":0}}'
is_newer() { [ "$(last | jq .id)" -gt "$number" ] && is_done; }
within 20 is_newer
below "$before" "$(stored_bytes)"
pull kept:v1

scenario "collecting beside pushes harms none of them"
image "$work/layout" many --layers 1 --layer-kib 64 --count 24
export work registry
# shellcheck disable=SC2317  # run by xargs
one() { skopeo copy --quiet --dest-tls-verify=false "oci:$work/layout:many$1" "docker://$registry/library/beside:t$1"; }
export -f one
seq 0 23 | xargs --max-procs 4 --replace bash -ec 'one {}' &
pushes=$!
while kill -0 $pushes 2>/dev/null; do collect --delete-untagged; done
wait $pushes
for number in $(seq 0 23); do pull "beside:t$number"; done

scenario "a deleted repository is freed at once, by a server that is stopped as well"
api DELETE /projects/library/repositories/beside
before=$(stored_bytes)
stop_server
collect
below "$before" "$(stored_bytes)"
start_server
pull kept:v1
