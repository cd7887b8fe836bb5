#!/usr/bin/env bash
# What is beneath the server fails: storage that turns read-only, a database that goes away and comes back. Every failure
# is told with its reason, and afterwards everything that was acknowledged is there and goes on where it was.
. "$(dirname "$0")/lib/e2e.sh"
. "$e2e/lib/postgres.sh"

# Failures of what is beneath are errors that the operator must read.
errors_expected=yes
start_postgres
on_exit stop_postgres
mkdir -m 700 "$data" "$data/storage"
mount -t tmpfs -o size=256m,mode=0700 tmpfs "$data/storage"
on_exit "umount --lazy $data/storage"
start_server --database-url "$postgres_url"
skopeo login --tls-verify=false --username admin --password "$password" "$registry"
image "$work/layout" one --layers 2 --layer-kib 512 --seed one
image "$work/layout" two --layers 2 --layer-kib 512 --seed two
push() { skopeo copy --retry-times 0 --dest-tls-verify=false "oci:$work/layout:$1" "docker://$registry/library/$2"; }
pull() { rm -rf "$work/pulled" && skopeo copy --src-tls-verify=false "docker://$registry/library/$1" dir:"$work/pulled"; }
push one app:v1
is_well() { [ "$(api GET /health | jq -r .status)" = "$1" ]; }

scenario "storage that turns read-only: pushes are refused with the reason, pulls go on"
mount -o remount,ro "$data/storage"
refuses push two app:v2
contains "$out" "read-only"
pull app:v1
is_well unhealthy
kill -0 "$server"

scenario "storage that can be written again is used without a restart"
mount -o remount,rw "$data/storage"
within 10 is_well healthy
push two app:v2
pull app:v2

scenario "a database that is away: a client is told to come again, and the server stays"
head -c 3000000 /dev/urandom >"$work/blob"
head -c 1000000 "$work/blob" >"$work/first"
tail -c 2000000 "$work/blob" >"$work/second"
digest=$(digest_of "$work/blob")
token=$(bearer repository:library/resumed:pull,push admin "$password")
bearer="Authorization: Bearer $token"
app="Authorization: Bearer $(bearer repository:library/app:pull admin "$password")"
http 202 --request POST --header "$bearer" "$url/v2/library/resumed/blobs/uploads/"
http 202 --request PATCH --header "$bearer" --header 'Content-Type: application/octet-stream' \
    --data-binary "@$work/first" "$(absolute "$(header location)")"
location=$(absolute "$(header location)")
halt_postgres
http 503 --header "$app" "$url/v2/library/app/manifests/v1"
contains "$body" UNAVAILABLE
[ "$(header retry-after)" -gt 0 ]
http 503 --request PATCH --header "$bearer" --header 'Content-Type: application/octet-stream' \
    --data-binary "@$work/second" "$location"
kill -0 "$server"

scenario "a database that is back: everything is there, and the upload goes on at what was acknowledged"
run_postgres
is_answered() { curl -sf -o /dev/null --header "$app" "$url/v2/library/app/manifests/v1"; }
within 30 is_answered
pull app:v1
pull app:v2
http 204 --header "$bearer" "$location"
equal 0-999999 "$(header range)"
http 202 --request PATCH --header "$bearer" --header 'Content-Type: application/octet-stream' \
    --data-binary "@$work/second" "$location"
location=$(absolute "$(header location)")
http 201 --request PUT --header "$bearer" "$location$(joint "$location")digest=$digest"
http 200 --header "$bearer" "$url/v2/library/resumed/blobs/$digest"
equal "$digest" "$(digest_of "$work/body")"

scenario "store and database agree afterwards"
contains "$("$binary" scrub --data "$data" --database-url "$postgres_url" --rate 0)" "0 damaged"
"$binary" gc --data "$data" --database-url "$postgres_url" --time-window 0
pull app:v1
pull app:v2

scenario "a registry behind the proxy names no file that is gone, and names the new one once it was pushed again"
behind=127.0.0.1:$(free_port)
port_of_database=${postgres_url##*:}
cat >"$work/registry.yml" <<YAML
listen: $behind
database: {host: 127.0.0.1, port: ${port_of_database%/*}, name: postgres, user: postgres, password: none}
storage: $data/storage
keys: $data/keys
accel: /_objects/
YAML
"$binary" registry --config "$work/registry.yml" >"$work/registry.log" 2>&1 3>&- &
alone=$!
on_exit "kill -KILL $alone"
within 30 curl -sf -o /dev/null "http://$behind/health"
layer=$(skopeo inspect --tls-verify=false "docker://$registry/library/app:v1" | jq -r '.Layers[0]')
app="Authorization: Bearer $(bearer repository:library/app:pull admin "$password")"
named() { http 200 --header "$app" "http://$behind/v2/library/app/blobs/$layer" && header x-accel-redirect; }
first=$(named)
rm "$data/storage/${first#/_objects/}"
# What was seen a moment ago is not looked at again for five seconds.
is_told() { [ "$(curl -s -o /dev/null -w '%{http_code}' --header "$app" "http://$behind/v2/library/app/blobs/$layer")" = 404 ]; }
within 8 is_told
http 404 --header "$app" "http://$behind/v2/library/app/blobs/$layer"
contains "$body" damaged
equal missing "$(api GET /system/quarantine | jq -r '.[].damage')"
push one app:v1
second=$(named)
[ "$first" != "$second" ]
test -e "$data/storage/${second#/_objects/}"
pull app:v1
