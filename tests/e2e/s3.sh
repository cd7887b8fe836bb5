#!/usr/bin/env bash
# Images in a bucket of Ceph: two servers on one database and one bucket, redirects, kill -9, collection, orphaned parts.
. "$(dirname "$0")/lib/e2e.sh"
. "$e2e/lib/postgres.sh"
. "$e2e/lib/radosgw.sh"

start_postgres
on_exit stop_postgres
on_exit stop_radosgw
start_radosgw
# storage SECRET: the file that names the bucket.
storage() {
    cat <<EOF
s3:
  bucket: $s3_bucket
  regionendpoint: $s3_endpoint
  accesskey: $s3_accesskey
  secretkey: $1
  rootdirectory: /platform
  chunksize: 5242880
EOF
}
storage "$s3_secretkey" >"$work/storage.yml"
options=(--database-url "$postgres_url" --storage "$work/storage.yml")
# keys: what the bucket has.
keys() { s3 GET "?list-type=2" | grep -o '<Key>[^<]*' | cut -d '>' -f 2 || true; }
uploads() { s3 GET '?uploads' | grep -o '<UploadId>' | wc -l || true; }
bytes() { s3 GET '?list-type=2' | grep -o '<Size>[0-9]*' | cut -d '>' -f 2 | awk '{ sum += $1 } END { print sum + 0 }'; }

scenario "a wrong secret key is named at the start"
storage wrong >"$work/wrong.yml"
refuses "$binary" serve --listen 127.0.0.1:0 --data "$work/refused" --database-url "$postgres_url" --storage "$work/wrong.yml"
contains "$out" "secretkey"
contains "$out" "$s3_bucket"

start_server "${options[@]}"
# The other server: the same database, bucket and keys, and nothing else in common.
other=http://127.0.0.1:$(free_port)
mkdir "$work/other"
cp -r "$data/keys" "$work/other/"
"$binary" serve --listen "${other#http://}" --data "$work/other" "${options[@]}" >>"$work/other.log" 2>&1 3>&- &
second=$!
# shellcheck disable=SC2317  # called by on_exit
stop_other() { kill -KILL "$second" 2>/dev/null || true; }
on_exit stop_other
is_other_ready() { curl -sf -o /dev/null "$other/api/v2.0/health"; }
within 20 is_other_ready

token=$(bearer 'repository:library/blobs:pull,push,delete' admin "$password")
auth=(--header "Authorization: Bearer $token")
octets=(--header 'Content-Type: application/octet-stream')
head -c 40000000 /dev/urandom >"$work/blob"
digest=$(digest_of "$work/blob")
split --bytes 7000000 --numeric-suffixes "$work/blob" "$work/part-"

# begin: a new upload session; sets $location, which is the same path at either server.
begin() {
    http 202 --request POST "${auth[@]}" "$url/v2/library/blobs/blobs/uploads/"
    location=$(header location)
    location=/v2/${location#*/v2/}
}

# chunk SERVER FILE
chunk() { http 202 --request PATCH "${auth[@]}" "${octets[@]}" --data-binary "@$2" "$1$location"; }

# served SERVER DIGEST FILE: following the redirect, as clients do.
served() {
    http 200 --location "${auth[@]}" "$1/v2/library/blobs/blobs/$2"
    cmp "$3" "$work/body"
}

scenario "an image pushed to one server is pulled from the other"
skopeo login --tls-verify=false --username admin --password "$password" "$registry"
skopeo login --tls-verify=false --username admin --password "$password" "${other#http://}"
image "$work/layout" t --layers 3 --layer-kib 9000
skopeo copy --dest-tls-verify=false "oci:$work/layout:t" "docker://$registry/library/app:t"
skopeo copy "oci:$work/layout:t" dir:"$work/sent"
skopeo copy --src-tls-verify=false "docker://${other#http://}/library/app:t" dir:"$work/pulled"
diff --recursive "$work/sent" "$work/pulled"

scenario "chunks go to one server and the other in turn, and the first is started again in between"
begin
turn=("$url" "$other")
for part in 0 1 2; do chunk "${turn[part % 2]}" "$work/part-0$part"; done
stop_server
start_server "${options[@]}"
for part in 3 4; do chunk "${turn[part % 2]}" "$work/part-0$part"; done
equal "0-34999999" "$(header range)"
http 201 --request PUT "${auth[@]}" "${octets[@]}" --data-binary "@$work/part-05" "$other$location?digest=$digest"
served "$url" "$digest" "$work/blob"
served "$other" "$digest" "$work/blob"
equal 0 "$(uploads)"

scenario "nothing is left of the upload but the blob"
equal 0 "$(keys | grep -c -e '\.parts$' -e '\.upload$' || true)"

scenario "a large blob is fetched from the bucket, whole or a part of it; HEAD and small ones are answered here"
http 307 "${auth[@]}" "$url/v2/library/blobs/blobs/$digest"
contains "$(header location)" "$s3_endpoint/$s3_bucket/platform/objects/"
equal "$digest" "$(header docker-content-digest)"
equal no-store "$(header cache-control)"
http 206 --location --range 100-199 "${auth[@]}" "$url/v2/library/blobs/blobs/$digest"
cmp <(head -c 200 "$work/blob" | tail -c 100) "$work/body"
http 200 --head "${auth[@]}" "$url/v2/library/blobs/blobs/$digest"
equal 40000000 "$(header content-length)"
head -c 1000 "$work/blob" >"$work/small"
small=$(push_blob library/blobs "$work/small" "$token")
http 200 "${auth[@]}" "$url/v2/library/blobs/blobs/$small"
cmp "$work/small" "$work/body"

scenario "with --no-redirect the bytes come from the server"
stop_server
start_server "${options[@]}" --no-redirect
http 200 "${auth[@]}" "$url/v2/library/blobs/blobs/$digest"
cmp "$work/blob" "$work/body"
http 206 --range 30000000-30000099 "${auth[@]}" "$url/v2/library/blobs/blobs/$digest"
cmp <(head -c 30000100 "$work/blob" | tail -c 100) "$work/body"
stop_server
start_server "${options[@]}"

scenario "killed while it uploads, it leaves a session that the other goes on with"
begin
chunk "$url" "$work/part-00"
curl -sS --limit-rate 4M --request PATCH "${auth[@]}" "${octets[@]}" --data-binary "@$work/blob" "$url$location" 3>&- &
cut=$!
has_parts() { [ "$(uploads)" -gt 0 ] && sleep 3; }
within 20 has_parts
kill -KILL "$server"
wait "$server" || true
server=''
wait $cut || true
http 204 "${auth[@]}" "$other$location"
equal "0-6999999" "$(header range)"
for part in 1 2 3 4; do chunk "$other" "$work/part-0$part"; done
http 201 --request PUT "${auth[@]}" "${octets[@]}" --data-binary "@$work/part-05" "$other$location?digest=$digest"
served "$other" "$digest" "$work/blob"

scenario "the parts of an upload that is given up are aborted, though the server that sent them was killed"
start_server "${options[@]}"
forgotten=$(uploads)
begin
curl -sS --limit-rate 4M --request PATCH "${auth[@]}" "${octets[@]}" --data-binary "@$work/blob" "$url$location" 3>&- &
cut=$!
has_more_parts() { [ "$(uploads)" -gt "$forgotten" ] && sleep 2; }
within 20 has_more_parts
kill -KILL "$server"
wait "$server" || true
server=''
wait $cut || true
http 204 --request DELETE "${auth[@]}" "$other$location"
equal "$forgotten" "$(uploads)"

scenario "garbage collection removes from the bucket what was deleted or forgotten, and nothing else"
start_server "${options[@]}"
before=$(bytes)
api DELETE /projects/library/repositories/app
"$binary" gc --data "$data" "${options[@]}" --time-window 0
below $((before - 20000000)) "$(bytes)"
equal 0 "$(uploads)"
equal 0 "$(keys | grep -c -e '\.parts$' -e '\.upload$' || true)"
refuses skopeo inspect --tls-verify=false "docker://$registry/library/app:t"

scenario "memory stays bounded while a large blob is pushed"
head -c 400000000 /dev/zero >"$work/large"
large=$(push_blob library/blobs "$work/large" "$token")
http 200 --head "${auth[@]}" "$url/v2/library/blobs/blobs/$large"
equal 400000000 "$(header content-length)"
peak=$(sed -n 's/^VmHWM:\s*\([0-9]*\) kB/\1/p' "/proc/$server/status")
echo "peak $peak KiB"
below 200000 "$peak"
