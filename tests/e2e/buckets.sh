#!/usr/bin/env bash
# Images in a container of Azure and in one of Swift: push, pull by redirect and without, chunks across a restart, collection.
. "$(dirname "$0")/lib/e2e.sh"
. "$e2e/lib/azurite.sh"
. "$e2e/lib/swift.sh"

start_azurite
on_exit stop_azurite
start_swift
on_exit stop_swift

# azure_settings KEY, swift_settings PASSWORD: the file that names the bucket.
azure_settings() {
    cat <<EOF
azure:
  accountname: $azure_accountname
  accountkey: $1
  container: $azure_container
  serviceurl: $azure_serviceurl
  rootdirectory: /platform
  chunksize: 5242880
EOF
}
swift_settings() {
    cat <<EOF
swift:
  authurl: $swift_authurl
  username: $swift_username
  password: $1
  container: $swift_container
  prefix: /platform
  chunksize: 5242880
  secretkey: signs-urls
EOF
}
# azure_keys, swift_keys: what the bucket has, segments among it.
azure_keys() { azure GET '?restype=container&comp=list' | grep -o '<Name>[^<]*' | cut -d '>' -f 2 || true; }
swift_keys() { swift GET; }

head -c 30000000 /dev/urandom >"$work/blob"
digest=$(digest_of "$work/blob")
split --bytes 11000000 --numeric-suffixes "$work/blob" "$work/part-"
image "$work/layout" t --layers 2 --layer-kib 9000
skopeo copy "oci:$work/layout:t" dir:"$work/sent"

# tried KIND PASSWORD SETTING URL: the life of an image, and of a blob in chunks. SETTING is what a wrong password is told
# by, and URL what is in those for clients.
tried() {
    local kind=$1 token auth octets location
    scenario "$kind: a wrong setting is named at the start"
    "${kind}_settings" d3Jvbmc= >"$work/wrong.yml"
    refuses "$binary" serve --listen 127.0.0.1:0 --data "$work/refused" --storage "$work/wrong.yml"
    contains "$out" "$3"
    data=$work/$kind
    "${kind}_settings" "$2" >"$work/$kind.yml"
    start_server --storage "$work/$kind.yml"

    scenario "$kind: an image is pushed and pulled as it was"
    skopeo login --tls-verify=false --username admin --password "$password" "$registry"
    skopeo copy --dest-tls-verify=false "oci:$work/layout:t" "docker://$registry/library/app:t"
    skopeo copy --src-tls-verify=false "docker://$registry/library/app:t" dir:"$work/pulled-$kind"
    diff --recursive "$work/sent" "$work/pulled-$kind"

    scenario "$kind: a blob comes in chunks, across a restart"
    token=$(bearer 'repository:library/blobs:pull,push,delete' admin "$password")
    auth=(--header "Authorization: Bearer $token") octets=(--header 'Content-Type: application/octet-stream')
    http 202 --request POST "${auth[@]}" "$url/v2/library/blobs/blobs/uploads/"
    location=$(header location)
    location=/v2/${location#*/v2/}
    http 202 --request PATCH "${auth[@]}" "${octets[@]}" --data-binary "@$work/part-00" "$url$location"
    stop_server
    start_server --storage "$work/$kind.yml"
    http 202 --request PATCH "${auth[@]}" "${octets[@]}" --data-binary "@$work/part-01" "$url$location"
    http 201 --request PUT "${auth[@]}" "${octets[@]}" --data-binary "@$work/part-02" "$url$location?digest=$digest"

    scenario "$kind: it is fetched from the bucket, and with --no-redirect from the server"
    http 307 "${auth[@]}" "$url/v2/library/blobs/blobs/$digest"
    contains "$(header location)" "$4"
    http 200 --location "${auth[@]}" "$url/v2/library/blobs/blobs/$digest"
    cmp "$work/blob" "$work/body"
    stop_server
    start_server --storage "$work/$kind.yml" --no-redirect
    http 206 --range 20000000-20000099 "${auth[@]}" "$url/v2/library/blobs/blobs/$digest"
    cmp <(head -c 20000100 "$work/blob" | tail -c 100) "$work/body"
    http 200 "${auth[@]}" "$url/v2/library/blobs/blobs/$digest"
    cmp "$work/blob" "$work/body"

    scenario "$kind: a collection leaves nothing of what was deleted"
    api PUT /configurations '{"deletion_grace":0}'
    api DELETE /projects/library/repositories/app
    "$binary" gc --data "$data" --storage "$work/$kind.yml" --time-window 0
    # The note about whose bucket it is stays.
    equal platform/instance "$("${kind}_keys")"
    stop_server
}

tried azure "$azure_accountkey" accountkey "$azure_serviceurl/$azure_container/platform/objects/"
tried swift "$swift_password" username "/v1/AUTH_shop/$swift_container/platform/objects/"
