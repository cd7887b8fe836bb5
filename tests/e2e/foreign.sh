#!/usr/bin/env bash
# Debian's docker-registry behind our token service: accounts, projects and rights are the platform's.
. "$(dirname "$0")/lib/e2e.sh"

start_server
make_project team
make_user dora
make_member team dora 2
make_user gus
make_member team gus 3

port=$(free_port)
theirs=127.0.0.1:$port
"$binary" issuer-certificate --data "$data" >"$work/issuer.crt"
openssl x509 -in "$work/issuer.crt" -noout -subject
cat >"$work/theirs.yml" <<EOF
version: 0.1
storage: {filesystem: {rootdirectory: $work/theirs}, delete: {enabled: true}}
http: {addr: $theirs}
auth:
  token:
    realm: $url/service/token
    service: harbor-registry
    issuer: harbor-token-issuer
    rootcertbundle: $work/issuer.crt
EOF
# It would take the variable of skopeo for a key of its own.
serve_theirs() {
    env -u REGISTRY_AUTH_FILE docker-registry serve "$work/theirs.yml" >"$work/theirs.log" 2>&1 3>&- &
    their_server=$!
    within 20 answers
}
stop_theirs() { kill "$their_server"; wait "$their_server" || true; }
on_exit stop_theirs
answers() { [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$theirs/v2/")" = 401 ]; }
serve_theirs

image "$work/layout" it --layers 2
push() { skopeo copy --quiet --dest-tls-verify=false --dest-creds "$1:$secret" "oci:$work/layout:it" "docker://$theirs/$2"; }
pull() { rm -rf "$work/pulled" && skopeo copy --quiet --src-tls-verify=false --src-creds "$1:$secret" "docker://$theirs/$2" "dir:$work/pulled"; }

scenario "a developer pushes, a guest pulls, and neither does more"
push dora team/app:1
pull gus team/app:1
refuses push gus team/app:2
refuses push dora elsewhere/app:1
refuses skopeo inspect --tls-verify=false --no-creds "docker://$theirs/team/app:1"

scenario "tokens of a key that was rotated in are believed once its certificate was told"
"$binary" rotate-keys --data "$data"
# The server signs with the old key until it has read the new one.
is_refused() { ! push dora team/app:3; }
within 20 is_refused
"$binary" issuer-certificate --data "$data" >"$work/issuer.crt"
stop_theirs
serve_theirs
push dora team/app:3
