#!/usr/bin/env bash
# Damaged blobs: found by a scrub or a pull, served to nobody, told of, and healed by pushing the image again.
# And what was deleted by mistake: restored.
. "$(dirname "$0")/lib/e2e.sh"

# Each damaged blob is an error in the log.
errors_expected=yes
metrics=127.0.0.1:$(free_port)
start_server --metrics-listen "$metrics"
skopeo login --tls-verify=false --username admin --password "$password" "$registry"
image "$work/layout" one --layers 2 --layer-kib 1024 --seed one
image "$work/layout" two --layers 1 --layer-kib 1024 --seed two
push() { skopeo copy --dest-tls-verify=false "oci:$work/layout:$1" "docker://$registry/library/$2"; }
pull() { rm -rf "$work/pulled" && skopeo copy --src-tls-verify=false "docker://$registry/library/$1" dir:"$work/pulled"; }
push one app:v1
push two other:v1
layer=$(skopeo inspect --tls-verify=false "docker://$registry/library/app:v1" | jq -r '.Layers[0]')
gauge() { curl -sS "http://$metrics/metrics" | sed -n 's/^harbor_quarantined_blobs //p'; }
told() { [ "$(gauge)" = "$1" ]; }

# file_of DIGEST: the file that holds it. Objects have no digest in their name: whoever looks must read them.
file_of() {
    local file
    find "$data/storage" -type f | while read -r file; do
        [ "$(digest_of "$file")" != "$1" ] || echo "$file"
    done
}

scenario "a scrub of what is whole finds nothing"
contains "$("$binary" scrub --data "$data" --rate 0)" "0 damaged"
within 10 told 0

scenario "one flipped bit is found by the next scrub, whose exit tells of it"
file=$(file_of "$layer")
chmod u+w "$file"
printf '\x01' | dd of="$file" bs=1 seek=5000 conv=notrunc
refuses "$binary" scrub --data "$data" --rate 0
contains "$out" "$layer"
contains "$out" "1 damaged"
contains "$out" "push their images again"

scenario "nobody is served it, and the answer says why"
refuses pull app:v1
token=$(bearer repository:library/app:pull admin "$password")
http 404 --header "Authorization: Bearer $token" "$url/v2/library/app/blobs/$layer"
contains "$body" BLOB_UNKNOWN
contains "$body" "damaged"
http 404 --head --header "Authorization: Bearer $token" "$url/v2/library/app/blobs/$layer"
pull other:v1

scenario "API, health and metrics tell of it"
equal "$layer content library/app" "$(api GET /system/quarantine | jq -r '.[] | [.digest, .damage, .repository] | join(" ")')"
equal healthy "$(api GET /health | jq -r .status)"
equal quarantine "$(api GET /health | jq -r '.alarms[].name')"
within 10 told 1

scenario "pushing the image again heals it, and the damaged object is collected"
push one app:v1
pull app:v1
equal 0 "$(api GET /system/quarantine | jq length)"
within 10 told 0
before=$(stored_bytes)
"$binary" gc --data "$data"
below "$before" "$(stored_bytes)"
[ ! -e "$file" ]
pull app:v1
contains "$("$binary" scrub --data "$data" --rate 0)" "0 damaged"

scenario "a pull that meets a file that is gone puts its blob into quarantine at once"
rm "$(file_of "$layer")"
refuses pull app:v1
equal missing "$(api GET /system/quarantine | jq -r '.[].damage')"
push one app:v2
pull app:v1

scenario "a scrub is limited in what it reads, and goes on after kill -9 where it was"
image "$work/layout" many --layers 40 --layer-kib 1024 --seed many
push many many:v1
began=$(now_ms)
"$binary" scrub --data "$data" --rate 20
below $(($(now_ms) - began)) 1500
id=$(api POST /system/scrub/schedule '{"schedule":{"type":"Manual"},"parameters":{"bytes_per_sec":8388608}}' >/dev/null
    api GET '/system/scrub?page_size=1' | jq '.[0].id')
is_running() { [ "$(api GET "/system/scrub/$id" | jq -r .job_status)" = Running ]; }
within 10 is_running
kill -KILL "$server"
wait "$server" || true
start_server --metrics-listen "$metrics"
is_done() { [ "$(api GET "/system/scrub/$id" | jq -r .job_status)" = Success ]; }
within 60 is_done

scenario "a backup heals what is damaged, and the server is not needed for it"
"$binary" backup --data "$data" --to "$work/backup.tar"
rm "$(file_of "$layer")"
refuses "$binary" scrub --data "$data" --rate 0 --heal-from "$work/backup.tar"
contains "$out" "--replica"
stop_server
contains "$("$binary" scrub --data "$data" --rate 0 --heal-from "$work/backup.tar")" "1 healed"
cp -r "$data/storage" "$work/replica"
rm "$(file_of "$layer")"

scenario "a server that knows a replica heals by its own scrub"
echo "filesystem: {root: $work/replica}" >"$work/replica.yml"
start_server --metrics-listen "$metrics" --replica "$work/replica.yml"
contains "$("$binary" scrub --data "$data" --rate 0)" "1 healed"
pull app:v1
equal "$layer" "$(api GET '/audit-logs?q=operation=heal&page_size=1' | jq -r '.[0].resource')"

scenario "the storage of another instance is refused, and so is one that is not mounted"
stop_server
"$binary" serve --listen "$registry" --data "$work/another" >>"$work/another.log" 2>&1 3>&- &
another=$!
within 20 is_ready
kill -INT $another
wait $another
mv "$data/storage" "$work/aside"
cp -r "$work/another/storage" "$data/storage"
refuses "$binary" serve --listen "$registry" --data "$data"
contains "$out" "belongs to the instance $(cat "$work/another/storage/instance")"
contains "$out" "write $(cat "$work/aside/instance") into its object"
rm -r "$data/storage"
refuses "$binary" serve --listen "$registry" --data "$data"
contains "$out" "is it mounted"
rm -rf "$data/storage"
mv "$work/aside" "$data/storage"
start_server --metrics-listen "$metrics"

scenario "a deleted repository is restored whole, though collections ran"
api DELETE /projects/library/repositories/app
refuses pull app:v1
"$binary" gc --data "$data" --time-window 0 --delete-untagged
deleted=/projects/library/deleted-repositories
equal library/app "$(api GET $deleted | jq -r '.[].name')"
api POST "$deleted/$(api GET $deleted | jq '.[0].id')"
pull app:v1
equal 0 "$(api GET $deleted | jq length)"

scenario "without its storage the server takes no blob for damaged"
stop_server
mv "$data/storage" "$data/aside"
mkdir -m 700 "$data/storage"
refuses "$binary" scrub --data "$data" --rate 0
contains "$out" "is it mounted"
rmdir "$data/storage"
mv "$data/aside" "$data/storage"
start_server
equal 0 "$(api GET /system/quarantine | jq length)"
pull app:v1
