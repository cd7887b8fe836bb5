#!/usr/bin/env bash
# Two registries behind the proxy, and a bucket that keeps what both take: the chunks of an upload go to one and to the
# other, and either may end in the middle.
: "${E2E_COMPOSE_VERSIONS:=1.29}"
. "$(dirname "$0")/lib/namespace.sh"
. "$(dirname "$0")/lib/e2e.sh"
. "$e2e/lib/docker.sh"
. "$e2e/lib/deployment.sh"
. "$e2e/lib/radosgw.sh"

# Of this host, and containers reach it.
bucket_address=10.214.0.1
replicas=(registry registry-2)
containers+=(registry-2)

# upload: opens a session; sets $place and $sent.
upload() {
    place=$url$(ask -X POST -o /dev/null -w '%header{location}' "$url/v2/library/chunks/blobs/uploads/" | sed "s|^$url||")
    sent=0
}

ask() { curl -sS --max-time 60 -u "admin:$password" "$@"; }

# send_chunk FILE: the next one, as a client does it: asked again where it does not know what became of it.
send_chunk() {
    local size status
    size=$(stat --format %s "$1")
    for _ in $(seq 60); do
        status=$(ask -X PATCH --data-binary "@$1" -H 'Content-Type: application/octet-stream' \
            -H "Content-Range: $sent-$((sent + size - 1))" -o /dev/null -w '%{http_code}' "$place" || true)
        case $status in
            202) sent=$((sent + size)); return ;;
            416) [ "$(received)" != $((sent + size)) ] || { sent=$((sent + size)); return; } ;;
        esac
        sleep 0.5
    done
    report "        the chunk was not taken within 30 s: $status"
    return 1
}

# received: bytes that the session has.
received() { ask -o /dev/null -w '%header{range}' "$place" | sed 's/^0-//' | awk '{ print $1 + 1 }'; }

# served_by METHOD: how many registries answered requests of the method, by the proxy's log.
served_by() { grep -E "\"$1 /v2/library/chunks/" "$service_logs/proxy.log" | grep -oE ' [0-9.]+:5000 ' | sort -u | wc -l; }

both_served() { [ "$(served_by PATCH)" = 2 ]; }

# end_at_once CONTAINER: nobody waits until it is back.
end_at_once() { kill -KILL "$(docker inspect --format '{{.State.Pid}}' "$1")"; }

finish_upload() {
    local digest
    digest=sha256:$(cat "$work"/chunk.? | sha256sum | cut -d' ' -f1)
    equal 201 "$(ask -X PUT -o /dev/null -w '%{http_code}' "$place?digest=$digest")"
    ask -L "$url/v2/library/chunks/blobs/$digest" -o "$work/back"
    cat "$work"/chunk.? | cmp - "$work/back"
}

echo "{\"insecure-registries\": [\"$host\"]}" >/etc/docker/daemon.json
ip address add $bucket_address/32 dev lo
on_exit stop_radosgw
start_radosgw $bucket_address
start_host
unpack
configure "hostname = $host" "registry_replicas = 2" "storage_driver = s3" "storage_redirect = off" \
    "storage_driver_config = bucket: $s3_bucket, regionendpoint: $s3_endpoint, accesskey: $s3_accesskey, secretkey: $s3_secretkey, chunksize: 5242880"
install_harbor
within 60 all_healthy
docker_login

scenario "docker pushes and pulls through two registries and a bucket"
push_pull library/before:1

scenario "the chunks of an upload alternate between the registries"
for chunk in 1 2 3 4 5 6; do head -c $((1000000 * chunk)) /dev/urandom >"$work/chunk.$chunk"; done
upload
for chunk in "$work"/chunk.?; do send_chunk "$chunk"; done
finish_upload
within 10 both_served

scenario "each registry is killed in the middle of an upload, and a retry heals it"
upload
for chunk in 1 2 3 4 5 6; do
    case $chunk in
        3) end_at_once registry ;;
        5) end_at_once registry-2 ;;
    esac
    send_chunk "$work/chunk.$chunk"
done
finish_upload
within 60 all_healthy

scenario "either is killed under load: pushes go on, and nothing acknowledged is lost"
keep_pushing
for replica in "${replicas[@]}" "${replicas[@]}"; do
    before=$(wc -l <"$work/pushed")
    kill_container "$replica"
    within 30 goes_on "$before"
done
stop_pushing

scenario "stop and start, and back to one registry"
compose stop
compose start
within 60 answers
check_pushed
sed -i '/^registry_replicas/d' "$folder/harbor.cfg"
"$folder/install.sh"
within 60 answers
equal "" "$(docker ps --all --quiet --filter name=registry-2)"
check_pushed
push_pull library/after:1
