#!/usr/bin/env bash
# A registry alone, from distribution's configuration file: as registry:2, beside the real one.
. "$(dirname "$0")/lib/e2e.sh"
. "$(dirname "$0")/lib/registry.sh"

root_directory=$work/registry
port=$(free_port)
registry=127.0.0.1:$port
url=http://$registry
config=$work/config.yml

# write_config [TEXT]: what every configuration here has, and more of it.
write_config() {
    cat >"$config" <<EOF
version: 0.1
log: {level: info}
storage:
  filesystem: {rootdirectory: $root_directory}
${1:-}
EOF
}

# What curl comes in by.
door=()
here() { curl -sf -o /dev/null --max-time 2 "${door[@]}" "$url/"; }
here_or_gone() { here || ! kill -0 "$server"; }

# serve_alone [VARIABLE=VALUE..]: from $config; the environment changes keys.
serve_alone() {
    env "REGISTRY_HTTP_ADDR=$registry" "$@" "$binary" registry serve "$config" >>"$work/server.log" 2>&1 3>&- &
    server=$!
    within 20 here_or_gone
    here
}

# push NAME:TAG [SKOPEO-OPTION..]: an image with content of its own.
push() {
    rm -rf "$work/layout"
    image "$work/layout" it --seed "$1" --layers 2
    skopeo copy --quiet --dest-tls-verify=false "${@:2}" "oci:$work/layout:it" "docker://$registry/$1"
}

pull() {
    rm -rf "$work/pulled"
    skopeo copy --quiet --src-tls-verify=false "${@:2}" "docker://$registry/$1" "oci:$work/pulled:it"
}

code() { jq -r '.errors[0].code' <<<"$body"; }

scenario "images of any name are pushed and pulled without an account"
write_config
serve_alone
push deeply/nested/name/app:1.0
push alpine:3
pull alpine:3
equal "$(jq .manifests[0].digest "$work/layout/index.json")" "$(jq .manifests[0].digest "$work/pulled/index.json")"
pull deeply/nested/name/app:1.0
http 200 "$url/v2/_catalog"
equal '{"repositories":["alpine","deeply/nested/name/app"]}' "$(jq -c . <<<"$body")"
http 200 "$url/v2/alpine/tags/list"
equal '{"name":"alpine","tags":["3"]}' "$(jq -c . <<<"$body")"
digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$registry/alpine:3")

scenario "nothing is deleted unless the file says so"
http 405 --request DELETE "$url/v2/alpine/manifests/$digest"
equal UNSUPPORTED "$(code)"
http 200 --head "$url/v2/alpine/manifests/$digest"

scenario "a second one on the same directory is refused, and the first goes on"
refuses env "REGISTRY_HTTP_ADDR=127.0.0.1:$(free_port)" "$binary" registry serve "$config"
contains "$out" "stop it first"
http 200 "$url/v2/alpine/manifests/3"

scenario "killed and started again it has everything"
kill -KILL "$server"
wait "$server" || true
serve_alone REGISTRY_STORAGE_DELETE_ENABLED=true
pull alpine:3
push alpine:4

scenario "a variable lets delete; a collection beside the server tells what it keeps, in distribution's words"
http 202 --request DELETE "$url/v2/alpine/manifests/$digest"
http 404 "$url/v2/alpine/manifests/3"
told=$("$binary" registry garbage-collect --dry-run "$config" 2>/dev/null)
contains "$told" "alpine: marking manifest sha256:"
contains "$told" "deeply/nested/name/app: marking blob sha256:"
contains "$told" "blobs marked, 0 blobs and 0 manifests eligible for deletion"
stop_server

scenario "without a server everything that nothing references goes at once"
before=$(du -sb "$root_directory/objects" | cut -f1)
told=$("$binary" registry garbage-collect "$config" 2>/dev/null)
contains "$told" "3 blobs and 0 manifests eligible for deletion"
contains "$told" "blob eligible for deletion: sha256:"
below "$before" "$(du -sb "$root_directory/objects" | cut -f1)"
serve_alone
pull alpine:4
stop_server

scenario "a registry that is read-only answers pulls and refuses pushes"
serve_alone 'REGISTRY_STORAGE_MAINTENANCE_READONLY={enabled: true}'
pull alpine:4
http 405 --request POST "$url/v2/alpine/blobs/uploads/"
equal UNSUPPORTED "$(code)"
refuses push alpine:5
stop_server

scenario "passwords of htpasswd let in, and a changed file counts within a second"
# As `htpasswd -nbB` writes it.
line() { perl -e 'print "$ARGV[0]:", crypt($ARGV[1], q($2y$05$abcdefghijklmnopqrstuu)), "\n"' "$1" "$2"; }
line ann one >"$work/htpasswd"
write_config "auth: {htpasswd: {realm: our registry, path: $work/htpasswd}}"
serve_alone
http 401 "$url/v2/"
equal 'Basic realm="our registry"' "$(header www-authenticate)"
refuses skopeo login --tls-verify=false --username ann --password two "$registry"
skopeo login --tls-verify=false --username ann --password one "$registry"
push alpine:6
skopeo logout "$registry"
refuses pull alpine:6
{ line ann another; line bob two; } >"$work/htpasswd"
# Not too often: guesses are counted.
bob_is_in() { sleep 0.3 && [ "$(curl -s -o /dev/null -w '%{http_code}' --user bob:two "$url/v2/")" = 200 ]; }
within 5 bob_is_in
http 401 --user ann:one "$url/v2/"
stop_server

scenario "tokens of another service are believed: RS256 and a bundle of certificates"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/issuer.key" -out "$work/issuer.crt" -days 1 -subj /CN=issuer
base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
# token ACCESS [KEY]: as a token service signs it.
token() {
    local now unsigned
    now=$(date +%s)
    unsigned=$(printf '{"alg":"RS256","typ":"JWT"}' | base64url).$(printf \
        '{"iss":"they","aud":"us","sub":"dora","exp":%s,"nbf":%s,"iat":%s,"jti":"1","access":%s}' \
        $((now + 60)) "$now" "$now" "$1" | base64url)
    printf '%s.%s' "$unsigned" "$(printf %s "$unsigned" | openssl dgst -sha256 -sign "${2:-$work/issuer.key}" | base64url)"
}
write_config "auth: {token: {realm: https://auth.example.com/token, service: us, issuer: they, rootcertbundle: $work/issuer.crt}}"
serve_alone
http 401 "$url/v2/alpine/manifests/6"
equal 'Bearer realm="https://auth.example.com/token",service="us",scope="repository:alpine:pull"' "$(header www-authenticate)"
pulls='[{"type":"repository","name":"alpine","actions":["pull"]}]'
http 200 --header "Authorization: Bearer $(token "$pulls")" "$url/v2/alpine/manifests/6"
http 401 --header "Authorization: Bearer $(token "$pulls")" --request POST "$url/v2/alpine/blobs/uploads/"
contains "$(header www-authenticate)" 'error="insufficient_scope"'
http 401 --header "Authorization: Bearer $(token "$pulls")" "$url/v2/_catalog"
http 200 --header "Authorization: Bearer $(token '[{"type":"registry","name":"catalog","actions":["*"]}]')" "$url/v2/_catalog"
openssl genrsa -out "$work/stranger.key" 2048
http 401 --header "Authorization: Bearer $(token "$pulls" "$work/stranger.key")" "$url/v2/alpine/manifests/6"
contains "$(header www-authenticate)" 'error="invalid_token"'
stop_server

scenario "with clientcas only who has a certificate comes in"
openssl req -newkey rsa:2048 -nodes -keyout "$work/client.key" -out "$work/client.csr" -subj /CN=client
openssl x509 -req -in "$work/client.csr" -CA "$work/issuer.crt" -CAkey "$work/issuer.key" -days 1 -out "$work/client.crt" \
    -extfile <(echo 'extendedKeyUsage = clientAuth')
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/server.key" -out "$work/server.crt" -days 1 -subj /CN=server \
    -addext 'subjectAltName = IP:127.0.0.1'
write_config "http: {tls: {certificate: $work/server.crt, key: $work/server.key, clientcas: [$work/issuer.crt]}}"
url=https://$registry
door=(--cacert "$work/server.crt" --cert "$work/client.crt" --key "$work/client.key")
serve_alone
refuses curl -s --cacert "$work/server.crt" "$url/v2/"
http 200 "${door[@]}" "$url/v2/"
stop_server

scenario "below a prefix, with headers of one's own, on a socket; metrics and health apart"
debug=127.0.0.1:$(free_port)
write_config "http: {net: unix, addr: $work/s, prefix: /images, headers: {X-Site: [here]}, debug: {addr: '$debug', prometheus: {enabled: true}}}"
door=(--unix-socket "$work/s")
url=http://localhost/images
env "$binary" registry serve "$config" >>"$work/server.log" 2>&1 3>&- &
server=$!
within 20 here_or_gone
http 200 "${door[@]}" "$url/v2/alpine/manifests/6"
equal here "$(header x-site)"
http 404 "${door[@]}" http://localhost/v2/
http 202 "${door[@]}" --request POST "$url/v2/alpine/blobs/uploads/"
contains "$(header location)" /images/v2/alpine/blobs/uploads/
http 200 "http://$debug/debug/health"
equal '{}' "$body"
http 200 "http://$debug/metrics"
contains "$body" harbor_http_requests_total
stop_server
door=()
url=http://$registry

scenario "while a check of health fails every request is refused"
write_config "health: {file: [{file: $work/maintenance, interval: 50ms}]}"
serve_alone
touch "$work/maintenance"
is_closed() { [ "$(curl -s -o /dev/null -w '%{http_code}' "$url/v2/")" = 503 ]; }
within 5 is_closed
http 503 "$url/v2/alpine/manifests/6"
equal UNAVAILABLE "$(code)"
rm "$work/maintenance"
within 5 here
errors_expected=yes
stop_server

scenario "mistakes in the file are refused with their key and a remedy"
for mistake in 'strage: {}|strage' 'http: {addr: nowhere}|http.addr' 'auth: {silly: {}}|auth.silly' \
    'auth: {htpasswd: {realm: r, path: /none}}|auth.htpasswd.path'; do
    write_config "${mistake%|*}"
    if [ "${mistake#*|}" = strage ]; then
        # Not known, and passed over as distribution does; but told.
        serve_alone
        grep -q 'strage is not known here' "$work/server.log"
        stop_server
    else
        refuses timeout 10 "$binary" registry serve "$config"
        contains "$out" "${mistake#*|}"
    fi
done
refuses "$binary" registry serve "$work/none.yml"
contains "$out" "cannot read the configuration $work/none.yml"

scenario "the real one and this one answer alike"
# both STATUS CURL-ARGUMENT.. PATH: the path is asked of each; status and code of the error must agree.
both() {
    local theirs
    http "$1" "${@:2:$#-2}" "$old_url${*: -1}"
    theirs=$(told)
    http "$1" "${@:2:$#-2}" "$url${*: -1}"
    equal "$theirs" "$(told)"
}
told() { jq -c '.errors[0].code // "-"' <<<"${body:-{\}}" 2>/dev/null || echo -; }
root_directory=$work/theirs
start_registry "$root_directory"
write_config
sed -i "s#$root_directory#$work/ours#" "$config"
serve_alone
absent=sha256:$(printf 0%.0s {1..64})
both 200 /
both 200 /v2/
both 200 /v2/_catalog
both 404 /v2/none/tags/list
both 404 /v2/none/manifests/latest
both 404 "/v2/none/manifests/$absent"
both 404 "/v2/none/blobs/$absent"
both 404 --head "/v2/none/blobs/$absent"
both 202 --request POST /v2/new/blobs/uploads/
both 400 --request PUT --header 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data '{' /v2/new/manifests/1
stop_server

scenario "what registry:2 left in the directory is served, and stays as it was for it"
rm -rf "$work/layout"
image "$work/layout" one --seed one --layers 2
image "$work/layout" two --seed two --platform linux/amd64 --platform linux/arm64
push_old one alpine:3
push_old one library/app:1
push_old two multi/arch:latest
stop_registry
before=$(cd "$root_directory" && find docker -type f -exec sha256sum {} + | sort | sha256sum)
write_config
serve_alone
# At once, whether or not its turn has come.
pull alpine:3
pull multi/arch:latest --all
http 200 "$url/v2/_catalog"
all_there() { [ "$(curl -s "$url/v2/_catalog" | jq -c .repositories)" = '["alpine","library/app","multi/arch"]' ]; }
within 20 all_there
pull library/app:1
push alpine:4
stop_server
equal "$before" "$(cd "$root_directory" && find docker -type f -exec sha256sum {} + | sort | sha256sum)"
"$binary" registry garbage-collect "$config" 2>/dev/null
start_registry "$root_directory"
skopeo copy --quiet --src-tls-verify=false "docker://$old/alpine:3" "oci:$work/again:it"
image "$work/layout" five --seed five
push_old five alpine:5
stop_registry
serve_alone
fifth() { curl -sf -o /dev/null "$url/v2/alpine/manifests/5"; }
within 20 fifth
pull alpine:4
stop_server
