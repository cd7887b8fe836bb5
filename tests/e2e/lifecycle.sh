#!/usr/bin/env bash
# Starting and stopping: first start, restart under a second, Ctrl-C, refusals that say what to do, TLS.
. "$(dirname "$0")/lib/e2e.sh"

# serve OPTION..: in the foreground, for refusals; a server that starts nevertheless is a failure.
serve() { timeout 10 "$binary" serve "$@"; }

# stop_with SIGNAL: sets $took in milliseconds.
stop_with() {
    local began status=0
    began=$(now_ms)
    kill "-$1" "$server"
    wait "$server" || status=$?
    took=$(($(now_ms) - began))
    server=''
    equal 0 "$status"
}

scenario "the first start tells address, login and the lines to try"
start_server
printed=$(cat "$work/server.log")
contains "$printed" "$url"
contains "$printed" "admin"
contains "$printed" "$password"
contains "$printed" "docker login $registry"
contains "$printed" "docker push $registry/library/"

scenario "the password is good and kept for its owner alone"
equal 600 "$(stat --format %a "$data/admin_password")"
equal 700 "$(stat --format %a "$data")"
equal admin "$(api GET /users/current | jq -r .username)"
refuses grep -r Harbor12345 "$data/admin_password"

scenario "health and ping answer"
equal healthy "$(curl -sf "$url/api/v2.0/health" | jq -r .status)"
contains "$(curl -sf "$url/api/v2.0/ping")" "pong"

scenario "the library project is there and public"
equal true "$(curl -sf "$url/api/v2.0/projects/library" | jq -r .metadata.public)"

scenario "a second start on the same data is refused"
refuses serve --listen "127.0.0.1:$(free_port)" --data "$data"
contains "$out" "$data"
contains "$out" "another"

scenario "a port in use is refused"
refuses serve --listen "$registry" --data "$work/second"
contains "$out" "$registry"
contains "$out" "in use"

scenario "a data directory that cannot be is refused"
refuses serve --listen "127.0.0.1:$(free_port)" --data /proc/harbor
contains "$out" "/proc/harbor"
contains "$out" "--data"
touch "$work/file"
refuses serve --listen "127.0.0.1:$(free_port)" --data "$work/file"
contains "$out" "$work/file"

scenario "an unknown option is refused"
refuses serve --listne "$registry"
contains "$out" "--listne"

scenario "Ctrl-C stops an idle server"
stop_with INT
below 5000 "$took"

scenario "on existing data it starts in under a second and tells no password"
: >"$work/server.log"
before=$(now_ms)
start_server
below 1000 $(($(now_ms) - before))
refuses grep --fixed-strings -- "$password" "$work/server.log"

# slow_upload: leaves a client that sends 100 kB a second for a quarter of an hour; sets $client and $location.
slow_upload() {
    head -c 100M /dev/zero >"$work/slow"
    http 202 --request POST --user "admin:$password" "$url/v2/library/slow/blobs/uploads/"
    location=$(absolute "$(header location)")
    curl -sS --limit-rate 100k --request PATCH --user "admin:$password" --header 'Content-Type: application/octet-stream' \
        --upload-file "$work/slow" "$location" 3>&- &
    client=$!
    sleep 1
    kill -0 $client
}

scenario "Ctrl-C during an upload stops in under five seconds"
slow_upload
stop_with INT
below 5000 "$took"
wait $client || true

scenario "so does SIGTERM, and what was there still is"
start_server
slow_upload
stop_with TERM
below 5000 "$took"
wait $client || true
start_server
equal admin "$(api GET /users/current | jq -r .username)"
stop_server

scenario "the first password may be given, and is not printed"
data=$work/given
: >"$work/server.log"
export HARBOR_ADMIN_PASSWORD=Given-by-me-1
"$binary" serve --listen "$registry" --data "$data" >>"$work/server.log" 2>&1 3>&- &
server=$!
within 20 is_ready
password=$HARBOR_ADMIN_PASSWORD
unset HARBOR_ADMIN_PASSWORD
equal admin "$(api GET /users/current | jq -r .username)"
refuses grep --fixed-strings -- "$password" "$work/server.log"
stop_server

scenario "a first password that is too weak is refused"
refuses env HARBOR_ADMIN_PASSWORD=weak timeout 10 "$binary" serve --listen "$registry" --data "$work/weak"
contains "$out" "HARBOR_ADMIN_PASSWORD"

scenario "with a certificate it speaks TLS"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 \
    -keyout "$work/key.pem" -out "$work/cert.pem"
data=$work/tls
"$binary" serve --listen "$registry" --data "$data" --cert "$work/cert.pem" --key "$work/key.pem" >>"$work/server.log" 2>&1 3>&- &
server=$!
url=https://$registry
within 20 curl -sf --cacert "$work/cert.pem" -o /dev/null "$url/api/v2.0/health"
password=$(cat "$data/admin_password")
mkdir "$work/certs"
cp "$work/cert.pem" "$work/certs/ca.crt"
image "$work/layout" v1
skopeo copy --dest-cert-dir "$work/certs" --dest-creds "admin:$password" "oci:$work/layout:v1" "docker://$registry/library/tls:v1"
skopeo inspect --cert-dir "$work/certs" "docker://$registry/library/tls:v1"
contains "$(cat "$work/server.log")" "$url"

scenario "a certificate that is none is refused"
refuses serve --listen "127.0.0.1:$(free_port)" --data "$work/tls2" --cert "$work/file" --key "$work/key.pem"
contains "$out" "$work/file"
