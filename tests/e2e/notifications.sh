#!/usr/bin/env bash
# Notifications of a registry alone: what Debian's docker-registry sends for the same requests, and none lost by a kill.
. "$(dirname "$0")/lib/e2e.sh"

port=$(free_port) debug=127.0.0.1:$(free_port)
registry=127.0.0.1:$port
url=http://$registry
config=$work/config.yml
listener=$(free_port)

# write_config ROOT ADDRESS [ENDPOINT-KEYS]
write_config() {
    cat >"$config" <<YAML
version: 0.1
log: {level: info}
storage:
  filesystem: {rootdirectory: $1}
  delete: {enabled: true}
http: {addr: $2, debug: {addr: $debug, prometheus: {enabled: true}}}
notifications:
  events: {includereferences: true}
  endpoints:
    - name: listener
      url: http://127.0.0.1:$listener/events
      headers: {Authorization: [Bearer secret]}
      timeout: 1s
      threshold: 3
      backoff: 200ms
      ${3:-}
YAML
}

serve_alone() {
    "$binary" registry serve "$config" >>"$work/server.log" 2>&1 3>&- &
    server=$!
    within 20 here_or_gone
    curl -sf -o /dev/null "$url/"
}
here_or_gone() { curl -sf -o /dev/null "$url/" || ! kill -0 "$server"; }

# listen FILE: takes events until the end.
listen() {
    python3 "$e2e/lib/receiver.py" "$listener" "$1" "$work/answer" 3>&- &
    listening=$!
    within 10 bash -c "exec 9<>/dev/tcp/127.0.0.1/$listener"
}
stop_listening() {
    [ -n "${listening:-}" ] || return 0
    kill "$listening"
    wait "$listening" || true
    listening=''
}
on_exit stop_listening

# Events in FILE that were taken.
taken() { [ ! -f "$1" ] || jq -c 'select(.status == 200) | .body.events[]' "$1"; }
has_taken() { [ "$(taken "$1" | wc -l)" -ge "$2" ]; }

# ---- The same requests to both -------------------------------------------------------------------------------------

printf '{"architecture":"amd64","os":"linux"}' >"$work/config.json"
printf 'a layer of bytes' >"$work/layer"
printf 'another' >"$work/other"
config_digest=$(digest_of "$work/config.json") layer=$(digest_of "$work/layer") other=$(digest_of "$work/other")
docker=application/vnd.docker.distribution.manifest
printf '{"schemaVersion":2,"mediaType":"%s.v2+json","config":{"mediaType":"application/vnd.docker.container.image.v1+json","digest":"%s","size":%s},"layers":[{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","digest":"%s","size":%s}]}' \
    $docker "$config_digest" "$(stat -c %s "$work/config.json")" "$layer" "$(stat -c %s "$work/layer")" >"$work/image.json"
manifest=$(digest_of "$work/image.json")
printf '{"schemaVersion":2,"mediaType":"%s.list.v2+json","manifests":[{"mediaType":"%s.v2+json","digest":"%s","size":%s,"platform":{"architecture":"amd64","os":"linux"}}]}' \
    $docker $docker "$manifest" "$(stat -c %s "$work/image.json")" >"$work/list.json"
list=$(digest_of "$work/list.json")
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":%s},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"%s","size":%s,"annotations":{"a":"b"}}]}' \
    "$config_digest" "$(stat -c %s "$work/config.json")" "$layer" "$(stat -c %s "$work/layer")" >"$work/oci.json"

# blob BASE REPOSITORY FILE [patch]: in one request after the POST, or in two.
blob() {
    local location
    http 202 --request POST "$1/v2/$2/blobs/uploads/"
    location=$(header location)
    case $location in http*) ;; *) location=$1$location ;; esac
    if [ -n "${4:-}" ]; then
        http 202 --request PATCH --header 'Content-Type: application/octet-stream' --data-binary "@$3" "$location"
        location=$(header location)
        case $location in http*) ;; *) location=$1$location ;; esac
        http 201 --request PUT "$location$(joint "$location")digest=$(digest_of "$3")"
    else
        http 201 --request PUT --header 'Content-Type: application/octet-stream' --data-binary "@$3" \
            "$location$(joint "$location")digest=$(digest_of "$3")"
    fi
}

# play BASE: what distribution sends events of, and some of what it does not.
play() {
    local base=$1 accept=(--header "Accept: $docker.v2+json")
    put() { http 201 --request PUT --header "Content-Type: $1" --data-binary "@$2" "$base/v2/a/b/manifests/$3"; }
    blob "$base" a/b "$work/config.json"
    blob "$base" a/b "$work/layer" patch
    blob "$base" a/b "$work/other"
    http 200 --head "$base/v2/a/b/blobs/$layer"
    http 200 "$base/v2/a/b/blobs/$layer"
    http 206 --header 'Range: bytes=0-3' "$base/v2/a/b/blobs/$layer"
    http 304 --header "If-None-Match: \"$layer\"" "$base/v2/a/b/blobs/$layer"
    http 404 "$base/v2/a/b/blobs/sha256:$(printf 0%.0s {1..64})"
    put "$docker.v2+json" "$work/image.json" one
    put "$docker.v2+json" "$work/image.json" two
    put "$docker.v2+json" "$work/image.json" "$manifest"
    put application/vnd.oci.image.manifest.v1+json "$work/oci.json" oci
    put "$docker.list.v2+json" "$work/list.json" list
    http 200 --head "${accept[@]}" "$base/v2/a/b/manifests/one"
    http 200 "${accept[@]}" "$base/v2/a/b/manifests/two"
    http 200 "${accept[@]}" "$base/v2/a/b/manifests/$manifest"
    http 304 "${accept[@]}" --header "If-None-Match: \"$manifest\"" "$base/v2/a/b/manifests/one"
    http 404 "$base/v2/a/b/manifests/none"
    http 201 --request POST "$base/v2/c/d/blobs/uploads/?mount=$layer&from=a/b"
    http 202 --request POST "$base/v2/c/d/blobs/uploads/?mount=$other&from=e/f"
    blob "$base" c/d "$work/layer"
    http 202 --request DELETE "$base/v2/a/b/blobs/$other"
    http 202 --request DELETE "$base/v2/a/b/manifests/$list"
    http 202 --request DELETE "$base/v2/a/b/manifests/$manifest"
    http 200 "$base/v2/a/b/tags/list"
}
told=23

# alike BASE FILE: the events without what differs from start to start and from request to request; each must have it.
alike() {
    taken "$2" | jq --sort-keys --compact-output --arg base "$1" '
        (.id, .request.id, .source.instanceID | if test("^[0-9a-f-]{36}$") then . else error("no uuid: \(.)") end) = "-"
        | .timestamp |= if test("^2[0-9-]+T[0-9:.]+Z$") then "-" else error("no time: \(.)") end
        | .request.addr |= sub(":[0-9]+$"; ":port")
        | .request.host |= if "http://\(.)" == $base then "here" else error("no host: \(.)") end
        | .source.addr |= sub(":[0-9]+$"; ":port")
        | if .target.url then .target.url |= if startswith($base) then .[($base | length):] else error("no base: \(.)") end else . end'
}

scenario "the real one tells what it tells"
theirs=127.0.0.1:$(free_port)
write_config "$work/theirs" "$theirs"
listen "$work/theirs.jsonl"
env --unset REGISTRY_AUTH_FILE docker-registry serve "$config" >"$work/registry.log" 2>&1 3>&- &
their_server=$!
stop_theirs() { kill "$their_server" 2>/dev/null || true; }
on_exit stop_theirs
within 20 curl -sf -o /dev/null "http://$theirs/v2/"
play "http://$theirs"
within 10 has_taken "$work/theirs.jsonl" $told
stop_theirs
wait "$their_server" || true
stop_listening

scenario "and this one the same, in the same order, in the same words"
write_config "$work/ours" "$registry"
listen "$work/ours.jsonl"
serve_alone
play "$url"
within 10 has_taken "$work/ours.jsonl" $told
alike "http://$theirs" "$work/theirs.jsonl" >"$work/theirs.events"
alike "$url" "$work/ours.jsonl" >"$work/ours.events"
diff "$work/theirs.events" "$work/ours.events"
equal $told "$(wc -l <"$work/ours.events")"
equal '["/events","application/vnd.docker.distribution.events.v1+json","Bearer secret"]' \
    "$(jq -c '[.path, .headers["content-type"], .headers.authorization]' "$work/ours.jsonl" | sort -u)"

scenario "a tag that is deleted is told, which the real one cannot delete"
http 202 --request DELETE "$url/v2/a/b/manifests/oci"
within 10 has_taken "$work/ours.jsonl" $((told + 1))
equal '{"repository":"a/b","tag":"oci"}' "$(taken "$work/ours.jsonl" | tail -n 1 | jq -c .target)"

scenario "metrics tell how it goes, in distribution's names"
http 200 "http://$debug/metrics"
contains "$body" "registry_notifications_events_total{type=\"Successes\",endpoint=\"listener\"} $((told + 1))"
contains "$body" "registry_notifications_events_total{type=\"Events\",endpoint=\"listener\"} $((told + 1))"
contains "$body" "registry_notifications_status_total{code=\"200 OK\",endpoint=\"listener\"} $((told + 1))"
contains "$body" 'registry_notifications_pending_total{endpoint="listener"} 0'

scenario "while the endpoint fails everything is kept, also by a kill; then all of it comes, in order"
echo 503 >"$work/answer"
for number in 1 2 3 4 5; do
    printf 'blob %s' "$number" >"$work/blob"
    blob "$url" a/b "$work/blob"
done
http 200 "$url/v2/a/b/blobs/$(digest_of "$work/blob")"
refused() { [ "$(jq -c 'select(.status == 503)' "$work/ours.jsonl" | wc -l)" -ge 4 ]; }
within 10 refused
grep -q 'takes no notifications' "$work/server.log"
# A pull is written within a second.
written() { [ "$(sqlite3 "$work/ours/harbor/harbor.db" 'SELECT COUNT(*) FROM events')" = 6 ]; }
within 5 written
kill -KILL "$server"
wait "$server" || true
stop_listening
serve_alone
printf 'blob 6' >"$work/blob"
blob "$url" a/b "$work/blob"
rm "$work/answer"
listen "$work/later.jsonl"
within 20 has_taken "$work/later.jsonl" 7
equal "$(for n in 1 2 3 4 5 5 6; do echo "sha256:$(printf 'blob %s' $n | sha256sum | cut -d ' ' -f 1)"; done)" \
    "$(taken "$work/later.jsonl" | jq -r .target.digest)"
equal 'push push push push push pull push' "$(taken "$work/later.jsonl" | jq -r .action | xargs)"
all_gone() { [ "$(sqlite3 "$work/ours/harbor/harbor.db" 'SELECT COUNT(*) FROM events')" = 0 ]; }
within 5 all_gone
stop_server

scenario "what an endpoint ignores is not sent"
write_config "$work/ours" "$registry" "ignore: {actions: [pull], mediatypes: [application/octet-stream]}"
serve_alone
blob "$url" g/h "$work/config.json"
blob "$url" g/h "$work/layer"
http 200 "$url/v2/g/h/blobs/$layer"
http 201 --request PUT --header 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary "@$work/oci.json" "$url/v2/g/h/manifests/1"
within 10 has_taken "$work/later.jsonl" 8
stop_server
equal '["push","1"]' "$(taken "$work/later.jsonl" | tail -n +8 | jq -c '[.action, .target.tag]')"

scenario "what waits for an endpoint that is disabled is given up"
stop_listening
write_config "$work/ours" "$registry"
serve_alone
blob "$url" a/b "$work/layer"
stop_server
equal 1 "$(sqlite3 "$work/ours/harbor/harbor.db" 'SELECT COUNT(*) FROM events')"
write_config "$work/ours" "$registry" 'disabled: true'
serve_alone
blob "$url" a/b "$work/other"
stop_server
equal 0 "$(sqlite3 "$work/ours/harbor/harbor.db" 'SELECT COUNT(*) FROM events')"
grep -q 'no longer named are given up' "$work/server.log"

scenario "an index whose images are not all here is taken if the file says so"
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"%s","size":7,"platform":{"architecture":"arm64","os":"linux"}}]}' \
    "sha256:$(printf 1%.0s {1..64})" >"$work/sparse.json"
# sparse STATUS INDEXES
sparse() {
    write_config "$work/ours" "$registry" 'disabled: true'
    echo "validation: {manifests: {indexes: $2}}" >>"$config"
    serve_alone
    http "$1" --request PUT --header 'Content-Type: application/vnd.oci.image.index.v1+json' --data-binary "@$work/sparse.json" \
        "$url/v2/a/b/manifests/sparse"
    stop_server
}
sparse 400 '{platforms: all}'
equal MANIFEST_BLOB_UNKNOWN "$(jq -r '.errors[0].code' <<<"$body")"
sparse 400 '{platforms: list, platformlist: [{os: linux, architecture: arm64}]}'
sparse 201 '{platforms: list, platformlist: [{os: linux, architecture: amd64}]}'
sparse 201 '{platforms: none}'
