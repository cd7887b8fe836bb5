#!/usr/bin/env bash
# Blobs with plain curl: one request, chunks, streams, resumed after a restart, mounted, ranged, refused, deleted.
. "$(dirname "$0")/lib/e2e.sh"

start_server
token=$(bearer 'repository:library/blobs:pull,push,delete' admin "$password")
auth=(--header "Authorization: Bearer $token")
octets=(--header 'Content-Type: application/octet-stream')
head -c 3000000 /dev/urandom >"$work/blob"
digest=$(digest_of "$work/blob")
head -c 1000000 "$work/blob" >"$work/part-1"
head -c 2500000 "$work/blob" | tail -c 1500000 >"$work/part-2"
tail -c +2500001 "$work/blob" >"$work/part-3"

# begin: a new upload session; sets $location.
begin() {
    http 202 --request POST "${auth[@]}" "$url/v2/library/blobs/blobs/uploads/"
    location=$(absolute "$(header location)")
    contains "$(header docker-upload-uuid)" "-"
}

# chunk STATUS FILE RANGE: the next part of it.
chunk() {
    http "$1" --request PATCH "${auth[@]}" "${octets[@]}" --header "Content-Range: $3" --data-binary "@$2" "$location"
    [ "$1" != 202 ] || location=$(absolute "$(header location)")
}

# end STATUS DIGEST CURL-ARGUMENT..: closes the session.
end() {
    http "$1" --request PUT "${auth[@]}" "${octets[@]}" "${@:3}" "$location$(joint "$location")digest=$2"
}

# served DIGEST FILE: the registry serves exactly this.
served() {
    http 200 "${auth[@]}" "$url/v2/library/blobs/blobs/$1"
    cmp "$2" "$work/body"
    equal "$1" "$(header docker-content-digest)"
    equal application/octet-stream "$(header content-type)"
}

scenario "a blob in one POST"
head -c 1000 /dev/urandom >"$work/small"
small=$(digest_of "$work/small")
http 201 --request POST "${auth[@]}" "${octets[@]}" --data-binary "@$work/small" \
    "$url/v2/library/blobs/blobs/uploads/?digest=$small"
served "$small" "$work/small"

scenario "an absent blob is unknown"
http 404 "${auth[@]}" "$url/v2/library/blobs/blobs/$digest"
equal BLOB_UNKNOWN "$(jq -r '.errors[0].code' <<<"$body")"

scenario "a blob in a POST and a PUT"
begin
end 201 "$digest" --data-binary "@$work/blob"
contains "$(header location)" "/v2/library/blobs/blobs/$digest"
served "$digest" "$work/blob"

scenario "HEAD tells size and digest"
http 200 --head "${auth[@]}" "$url/v2/library/blobs/blobs/$digest"
equal 3000000 "$(header content-length)"
equal "$digest" "$(header docker-content-digest)"

scenario "ranges"
http 206 "${auth[@]}" --range 0-99 "$url/v2/library/blobs/blobs/$digest"
equal "bytes 0-99/3000000" "$(header content-range)"
head -c 100 "$work/blob" | cmp - "$work/body"
http 206 "${auth[@]}" --range 2999990- "$url/v2/library/blobs/blobs/$digest"
tail -c 10 "$work/blob" | cmp - "$work/body"
http 206 "${auth[@]}" --range -5 "$url/v2/library/blobs/blobs/$digest"
tail -c 5 "$work/blob" | cmp - "$work/body"
http 416 "${auth[@]}" --range 3000000- "$url/v2/library/blobs/blobs/$digest"

scenario "deleted here it is gone here"
http 202 --request DELETE "${auth[@]}" "$url/v2/library/blobs/blobs/$digest"
http 404 --head "${auth[@]}" "$url/v2/library/blobs/blobs/$digest"

scenario "a blob in chunks, the last one with the PUT"
begin
chunk 202 "$work/part-1" 0-999999
equal 0-999999 "$(header range)"
chunk 202 "$work/part-2" 1000000-2499999
end 201 "$digest" --header 'Content-Range: 2500000-2999999' --data-binary "@$work/part-3"
served "$digest" "$work/blob"

scenario "a chunk out of order is refused, and the session tells where it stands"
begin
chunk 202 "$work/part-1" 0-999999
chunk 416 "$work/part-3" 2500000-2999999
http 204 "${auth[@]}" "$location"
equal 0-999999 "$(header range)"
location=$(absolute "$(header location)")
chunk 202 "$work/part-2" 1000000-2499999
chunk 202 "$work/part-3" 2500000-2999999
end 201 "$digest" --data-binary ''
served "$digest" "$work/blob"

scenario "a streamed chunk of unknown length"
begin
http 202 --request PATCH "${auth[@]}" "${octets[@]}" --header 'Transfer-Encoding: chunked' --data-binary "@$work/blob" "$location"
location=$(absolute "$(header location)")
end 201 "$digest" --data-binary ''
served "$digest" "$work/blob"

scenario "a session goes on after the server was restarted"
begin
chunk 202 "$work/part-1" 0-999999
stop_server
start_server
http 204 "${auth[@]}" "$location"
equal 0-999999 "$(header range)"
chunk 202 "$work/part-2" 1000000-2499999
end 201 "$digest" --data-binary "@$work/part-3"
served "$digest" "$work/blob"

scenario "content that is not what was promised is refused and not kept"
head -c 500 /dev/urandom >"$work/other"
promised=sha256:$(printf 'a%.0s' {1..64})
begin
end 400 "$promised" --data-binary "@$work/other"
equal DIGEST_INVALID "$(jq -r '.errors[0].code' <<<"$body")"
http 404 --head "${auth[@]}" "$url/v2/library/blobs/blobs/$promised"
http 404 --head "${auth[@]}" "$url/v2/library/blobs/blobs/$(digest_of "$work/other")"

scenario "a cancelled session is over"
begin
http 204 --request DELETE "${auth[@]}" "$location"
http 404 "${auth[@]}" "$location"
equal BLOB_UPLOAD_UNKNOWN "$(jq -r '.errors[0].code' <<<"$body")"

scenario "a blob is mounted from a repository that the caller may pull"
make_project other
both=$(bearer 'repository:other/app:pull,push repository:library/blobs:pull' admin "$password")
http 201 --request POST --header "Authorization: Bearer $both" \
    "$url/v2/other/app/blobs/uploads/?mount=$digest&from=library/blobs"
contains "$(header location)" "/v2/other/app/blobs/$digest"
http 200 --head --header "Authorization: Bearer $both" "$url/v2/other/app/blobs/$digest"

scenario "it is not mounted from one that the token does not open"
only=$(bearer 'repository:library/third:pull,push' admin "$password")
http 202 --request POST --header "Authorization: Bearer $only" \
    "$url/v2/library/third/blobs/uploads/?mount=$digest&from=other/app"

scenario "names, tags and digests that cannot be are refused"
http 400 "${auth[@]}" "$url/v2/library/blobs/blobs/sha256:12"
equal DIGEST_INVALID "$(jq -r '.errors[0].code' <<<"$body")"
http 404 "${auth[@]}" "$url/v2/library/blobs/manifests/absent"
equal MANIFEST_UNKNOWN "$(jq -r '.errors[0].code' <<<"$body")"
http 400 "${auth[@]}" "$url/v2/library/UPPER/tags/list"
equal NAME_INVALID "$(jq -r '.errors[0].code' <<<"$body")"
