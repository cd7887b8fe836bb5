#!/usr/bin/env bash
# What an operator does beside serving: health checks, rotating the signing key while clients hold tokens, a lost password.
. "$(dirname "$0")/lib/e2e.sh"

start_server
image "$work/layout" v1
skopeo copy --dest-tls-verify=false --dest-creds "admin:$password" "oci:$work/layout:v1" "docker://$registry/library/app:v1"
manifest=application/vnd.oci.image.manifest.v1+json

# opens TOKEN: whether it still pulls.
opens() {
    http 200 --header "Authorization: Bearer $1" --header "Accept: $manifest" "$url/v2/library/app/manifests/v1"
}

# key_of TOKEN: the id of the key that signed it.
key_of() { cut -d . -f 1 <<<"$1" | tr '_-' '/+' | sed 's/$/==/' | base64 --decode --ignore-garbage 2>/dev/null | jq -r .kid; }

scenario "a health check of a healthy server succeeds"
"$binary" healthcheck --url "$url"

scenario "one of a server that is not there fails and says so"
nobody=http://127.0.0.1:$(free_port)
refuses "$binary" healthcheck --url "$nobody"
contains "$out" "$nobody"

scenario "after a rotation new tokens have the new key, and old ones are still good"
old=$(bearer repository:library/app:pull admin "$password")
opens "$old"
"$binary" rotate-keys --data "$data"
has_new_key() { [ "$(key_of "$(bearer repository:library/app:pull admin "$password")")" != "$(key_of "$old")" ]; }
within 30 has_new_key
opens "$old"
opens "$(bearer repository:library/app:pull admin "$password")"

scenario "so they are after a restart"
stop_server
start_server
opens "$old"
has_new_key

scenario "private keys are for their owner alone"
equal '' "$(find "$data/keys" -type f -name '*signing*' -not -perm 600)"

scenario "an administrator who forgot the password is given another one beside the running server"
refuses "$binary" reset-password --data "$data" --password-stdin <<<"short"
contains "$out" "at least 8 characters"
equal admin "$(api GET /users/current | jq -r .username)"
"$binary" reset-password --data "$data" --password-stdin <<<"Remembered-again-1"
forgotten() { [ "$(curl -s -o /dev/null -w '%{http_code}' --user "admin:$password" "$url/api/v2.0/users/current")" = 401 ]; }
within 10 forgotten
password=Remembered-again-1
equal admin "$(api GET /users/current | jq -r .username)"

scenario "or one that is made"
"$binary" reset-password --data "$data" | tee "$work/reset"
password=$(sed -n 's/^The password of admin is now //p' "$work/reset")
equal admin "$(api GET /users/current | jq -r .username)"
