#!/usr/bin/env bash
# A cache of another registry, distribution's and ours: skopeo, podman and a Docker daemon pull through it.
. "$(dirname "$0")/lib/e2e.sh"
. "$e2e/lib/registry.sh"
. "$e2e/lib/docker.sh"

# What the cache says of a registry that is away are warnings; of a damaged blob it says an error.
errors_expected=yes
root_directory=$work/cache
port=$(free_port)
registry=127.0.0.1:$port
url=http://$registry
debug=127.0.0.1:$(free_port)
config=$work/config.yml

# Between the cache and the other registry: every request is a line of $asked, and blobs are slow while $slow is there.
asked=$work/asked slow=$work/slow
start_between() {
    between=$(free_port)
    : >"$asked"
    python3 "$e2e/lib/between.py" "$between" "$old" "$asked" "$slow" 3>&- &
    between_process=$!
    on_exit stop_between
    within 20 curl -s -o /dev/null "http://127.0.0.1:$between/v2/"
}
stop_between() { if kill "$between_process" 2>/dev/null; then wait "$between_process" || true; fi; }

# write_config PROXY: the section's keys, in YAML's short form.
write_config() {
    cat >"$config" <<YAML
version: 0.1
log: {level: info}
storage:
  filesystem: {rootdirectory: $root_directory}
http: {addr: '$registry', debug: {addr: '$debug', prometheus: {enabled: true}}}
proxy: {$1}
YAML
}

here() { curl -sf -o /dev/null --max-time 2 "$url/v2/"; }
here_or_gone() { here || ! kill -0 "$server"; }
# start_cache [VARIABLE=VALUE..]
start_cache() {
    env "$@" "$binary" registry serve "$config" >>"$work/server.log" 2>&1 3>&- &
    server=$!
    within 20 here_or_gone
    here
}

# pull NAME:TAG [SKOPEO-OPTION..]: into $work/pulled.
pull() {
    rm -rf "$work/pulled"
    skopeo copy --quiet --src-tls-verify=false "${@:2}" "docker://$registry/$1" "oci:$work/pulled:it"
}

# requests PART..: how many requests there were that have each.
requests() {
    local lines part
    lines=$(cat "$asked")
    for part in "$@"; do lines=$(grep -F -- "$part" <<<"$lines" || true); done
    grep -c . <<<"$lines" || true
}

digest_in() { jq -r '.manifests[0].digest' "$1/index.json"; }
# layers LAYOUT: the digests of what its only image is made of.
layers() { jq -r '.config.digest, .layers[].digest' "$1/blobs/sha256/$(digest_in "$1" | cut -d : -f 2)"; }

start_registry "$work/theirs"
start_between
image "$work/layout" one --seed one --layers 3 --layer-kib 256
push_old one library/app:1
write_config "remoteurl: 'http://127.0.0.1:$between', freshness: 0"
start_cache

scenario "what is pulled is what the other registry has, each part of it fetched once"
pull library/app:1
equal "$(digest_in "$work/layout")" "$(digest_in "$work/pulled")"
pull library/app:1
for digest in $(layers "$work/pulled"); do equal 1 "$(requests "GET " "/blobs/$digest")"; done
equal 1 "$(requests "GET " /manifests/)"
# The tag is asked for at each pull, as the file says.
equal 2 "$(requests "HEAD " /manifests/1)"
http 200 "$url/v2/_catalog"
equal '{"repositories":["library/app"]}' "$(jq -c . <<<"$body")"

scenario "of an image for several platforms only the one that is wanted is fetched"
image "$work/multi" multi --seed multi --platform linux/amd64 --platform linux/arm64
rm -rf "$work/layout" && mv "$work/multi" "$work/layout"
push_old multi library/multi:1
: >"$asked"
pull library/multi:1 --override-os linux --override-arch arm64
equal 2 "$(requests "GET " /manifests/)"
equal 2 "$(requests "GET " /blobs/)"
pull library/multi:1 --override-os linux --override-arch amd64
equal 3 "$(requests "GET " /manifests/)"
pull library/multi:1 --all
equal 3 "$(requests "GET " /manifests/)"

scenario "a HEAD of what is not here fetches it"
image "$work/layout" two --seed two --layers 2 --layer-kib 64
push_old two library/two:1
: >"$asked"
http 200 --head "$url/v2/library/two/manifests/1"
two=$(header docker-content-digest)
length=$(header content-length)
http 200 "$url/v2/library/two/manifests/$two"
equal "$length" "$(stat -c %s "$work/body")"
equal 1 "$(requests "GET " /manifests/)"
layer=$(jq -r '.layers[0].digest' "$work/body")
size=$(jq -r '.layers[0].size' "$work/body")
http 200 --head "$url/v2/library/two/blobs/$layer"
equal "$size" "$(header content-length)"
http 200 "$url/v2/library/two/blobs/$layer"
equal "$layer" "$(digest_of "$work/body")"
equal 1 "$(requests "GET " /blobs/)"

scenario "eight clients at once are one fetch of each part"
image "$work/layout" crowd --seed crowd --layers 3 --layer-kib 2048
push_old crowd library/crowd:1
: >"$asked"
echo 1 >"$slow"
clients=()
for number in 1 2 3 4 5 6 7 8; do
    skopeo copy --quiet --src-tls-verify=false "docker://$registry/library/crowd:1" "oci:$work/crowd$number:it" 3>&- &
    clients+=($!)
done
for client in "${clients[@]}"; do wait "$client"; done
rm "$slow"
for number in 2 3 4 5 6 7 8; do diff -r "$work/crowd1/blobs" "$work/crowd$number/blobs"; done
for digest in $(layers "$work/crowd1"); do equal 1 "$(requests "GET " "/blobs/$digest")"; done
equal 1 "$(requests "GET " /manifests/)"

scenario "the first byte comes long before the last one has, also for who joins, and a part of it"
image "$work/layout" slow --seed slow --layers 1 --layer-kib 4096
push_old slow library/slow:1
http 200 "$url/v2/library/slow/manifests/1"
layer=$(jq -r '.layers[0].digest' "$work/body")
size=$(jq -r '.layers[0].size' "$work/body")
: >"$asked"
echo 3 >"$slow"
timed() { curl -sf -o "$work/$1" -w '%{time_starttransfer} %{time_total}\n' "${@:2}" "$url/v2/library/slow/blobs/$layer" >"$work/$1.time"; }
timed first 3>&- &
first=$!
sleep 1
timed joined 3>&- &
joined=$!
# Of what has come a part is sent at once.
timed part --range 1000-1999 --max-time 1
equal 1000 "$(stat -c %s "$work/part")"
wait "$first"
wait "$joined"
rm "$slow"
for who in first joined; do
    equal "$layer" "$(digest_of "$work/$who")"
    awk '{ exit !($1 < 1 && $2 > 1) }' "$work/$who.time" || broken "$who: $(cat "$work/$who.time")"
done
cmp "$work/part" <(tail -c +1001 "$work/first" | head -c 1000)
report "        first byte and last byte: $(cat "$work/first.time") s of a source that takes 3 s"
equal 1 "$(requests "GET " /blobs/)"

scenario "a client that goes away does not stop the fetch"
image "$work/layout" left --seed left --layers 1 --layer-kib 4096
push_old left library/left:1
http 200 "$url/v2/library/left/manifests/1"
layer=$(jq -r '.layers[0].digest' "$work/body")
echo 2 >"$slow"
refuses curl -sf -o /dev/null --max-time 1 "$url/v2/library/left/blobs/$layer"
rm "$slow"
sleep 2
: >"$asked"
http 200 "$url/v2/library/left/blobs/$layer"
equal "$layer" "$(digest_of "$work/body")"
equal 0 "$(requests "GET " /blobs/)"

scenario "nothing is pushed to a cache, and nothing deleted"
http 405 --request POST "$url/v2/library/app/blobs/uploads/"
equal UNSUPPORTED "$(jq -r '.errors[0].code' <<<"$body")"
http 405 --request PUT --header 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data '{}' "$url/v2/library/app/manifests/1"
http 405 --request DELETE "$url/v2/library/app/manifests/$two"
http 405 --request DELETE "$url/v2/library/app/blobs/$layer"

scenario "tags are those of the other registry"
image "$work/layout" three --seed three
push_old three library/app:2
http 200 "$url/v2/library/app/tags/list"
equal '{"name":"library/app","tags":["1","2"]}' "$(jq -c . <<<"$body")"
http 200 "$url/v2/library/app/tags/list?n=1"
equal '</v2/library/app/tags/list?last=1&n=1>; rel="next"' "$(header link)"

scenario "a tag that moves there moves here"
push_old three library/app:1
http 200 --head "$url/v2/library/app/manifests/1"
equal "$(curl -sI -H 'Accept: application/vnd.oci.image.manifest.v1+json' "$old_url/v2/library/app/manifests/1" |
    tr -d '\r' | sed -n 's/^docker-content-digest: *//Ip')" "$(header docker-content-digest)"
pull library/app:1

scenario "while the other registry is away everything that is here is served, and told to be stale"
stop_registry
pull library/app:1
pull library/multi:1 --all
http 200 "$url/v2/library/app/manifests/1"
contains "$(header warning)" "110"
http 200 "$url/v2/library/app/tags/list"
equal '{"name":"library/app","tags":["1"]}' "$(jq -c . <<<"$body")"
http 503 "$url/v2/library/absent/manifests/1"
contains "$body" "cannot be asked"
contains "$body" "127.0.0.1:$between"
stop_server
start_cache
pull library/app:1
http 200 "http://$debug/metrics"
contains "$body" 'registry_proxy_hits_total{type="blob"}'
contains "$body" registry_proxy_stale_total
start_registry "$work/theirs"
stop_between
start_between
stop_server
write_config "remoteurl: 'http://127.0.0.1:$between', freshness: 0"
start_cache

scenario "a damaged blob is fetched again"
pull library/app:1
layer=$(layers "$work/pulled" | tail -n 1)
object=$(find "$root_directory/objects" -type f -size "$(stat -c %s "$work/pulled/blobs/sha256/${layer#*:}")c" -exec sh -c \
    'test "$(sha256sum <"$1" | cut -d " " -f 1)" = "$2"' _ {} "${layer#*:}" \; -print)
chmod u+w "$object" && truncate --size 1 "$object"
pull library/app:1
equal 1 "$(requests "GET " "/blobs/$layer")"
pull library/app:1
equal 1 "$(requests "GET " "/blobs/$layer")"

scenario "podman pulls through it"
cat >"$work/storage.conf" <<CONF
[storage]
driver = "vfs"
graphroot = "$work/containers"
runroot = "$work/containers-run"
CONF
# It wants the file that logins are kept in to be there.
echo '{}' >"$REGISTRY_AUTH_FILE"
CONTAINERS_STORAGE_CONF=$work/storage.conf podman pull --tls-verify=false "$registry/library/two:1"

scenario "a Docker daemon has it as its mirror, and pulls what it would have from Docker Hub"
start_docker --registry-mirror "$url"
: >"$asked"
docker pull library/slow:1
equal 1 "$(requests "HEAD " /v2/library/slow/manifests/1)"
docker image inspect library/slow:1

scenario "what is older than it may be goes, with its bytes, and is fetched anew"
stop_server
start_cache REGISTRY_PROXY_TTL=1s
expired() { [ "$(sqlite3 "$root_directory/harbor/harbor.db" 'SELECT COUNT(*) FROM artifacts')" = 0 ]; }
within 20 expired
stop_server
told=$("$binary" registry garbage-collect "$config" 2>/dev/null)
contains "$told" "0 blobs marked"
equal 0 "$(find "$root_directory/objects" -type f | wc -l)"
start_cache
: >"$asked"
pull library/two:1
equal 3 "$(requests "GET " /blobs/)"
stop_server

scenario "our own registry with accounts and tokens is one that can be cached"
cache_port=$port cache_registry=$registry cache_url=$url
port=$(free_port)
start_server
platform=$server origin=$url
make_project team
image "$work/layout" team --seed team
skopeo copy --quiet --dest-tls-verify=false --dest-creds "admin:$password" "oci:$work/layout:team" "docker://$registry/team/app:1"
port=$cache_port registry=$cache_registry url=$cache_url
write_config "remoteurl: '$origin', username: admin, password: '$password'"
start_cache
pull team/app:1
equal "$(jq -r '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == "team") | .digest' "$work/layout/index.json")" \
    "$(digest_in "$work/pulled")"
stop_server
write_config "remoteurl: '$origin', username: admin, password: wrong"
start_cache
http 403 "$url/v2/team/app/manifests/2"
contains "$body" "to the user that is set for it"
stop_server
write_config "remoteurl: '$origin'"
start_cache
http 403 "$url/v2/team/app/manifests/2"
contains "$body" "no user is set for it"
stop_server
server=$platform
stop_server

scenario "mistakes in the section are refused with their key and a remedy"
for mistake in "remoteurl: nowhere|proxy.remoteurl" "remoteurl: 'https://hub', username: ann|proxy.password is missing" \
    "remoteurl: 'https://hub', exec: {command: x}|set proxy.username and proxy.password"; do
    write_config "${mistake%|*}"
    refuses timeout 10 "$binary" registry serve "$config"
    contains "$out" "${mistake#*|}"
done
