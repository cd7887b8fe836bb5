# shellcheck shell=bash
# OpenStack Swift, for the tests alone: a proxy with its own users, and one server each of accounts, containers and objects.
#
# Sourced. Its daemons run in the foreground of nobody, on free ports and in a temporary folder, and end with the test.

swift_folder='' swift_daemons=()

# start_swift: sets $swift_authurl, $swift_username, $swift_password and $swift_container.
start_swift() {
    local program kind port ports=()
    for program in swift-{proxy,account,container,object}-server memcached; do
        command -v "$program" >/dev/null || { echo "error: there is no $program: apt-get install swift-proxy swift-account swift-container swift-object memcached" >&2; return 1; }
        ports+=("$(swift_port)")
    done
    swift_folder=$(mktemp -d /tmp/test-swift.XXXXXX)
    export swift_authurl=http://127.0.0.1:${ports[0]}/auth/v1.0 swift_username=shop:platform swift_password=not-to-be-told swift_container=images
    mkdir -p "$swift_folder/disks/d1"
    printf '[swift-hash]\nswift_hash_path_suffix = test\n' >"$swift_folder/swift.conf"
    swift_proxy "${ports[0]}" "${ports[4]}" >"$swift_folder/proxy-server.conf"
    for kind in account:1 container:2 object:3; do
        port=${ports[${kind#*:}]} kind=${kind%:*}
        swift_storage "$kind" "$port" >"$swift_folder/$kind-server.conf"
        swift_ring "$kind" "$port" >"$swift_folder/$kind.ring.log" 2>&1 3>&- \
            || { cat "$swift_folder/$kind.ring.log" >&2; echo "error: Swift's ring could not be made; why is above" >&2; return 1; }
    done
    # The proxy keeps its tokens there.
    memcached --listen 127.0.0.1 --port "${ports[4]}" --user "$(id -un)" >"$swift_folder/memcached.log" 2>&1 3>&- &
    swift_daemons+=($!)
    for kind in account container object proxy; do
        "swift-$kind-server" "$swift_folder/$kind-server.conf" --verbose >"$swift_folder/$kind.log" 2>&1 3>&- &
        swift_daemons+=($!)
    done
    # shellcheck disable=SC2016  # the inner shell's
    timeout 120 bash -c 'until curl --silent --fail --output /dev/null "$1"; do sleep 0.2; done' - "${swift_authurl%/auth*}/info" \
        || { tail -n 20 "$swift_folder"/*.log >&2; echo "error: Swift did not start; its logs are above" >&2; return 1; }
}

swift_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# swift_ring KIND PORT: one copy of everything, on one device.
swift_ring() {
    local builder=$swift_folder/$1.builder
    swift-ring-builder "$builder" create 4 1 0
    swift-ring-builder "$builder" add --region 1 --zone 1 --ip 127.0.0.1 --port "$2" --device d1 --weight 1
    swift-ring-builder "$builder" rebalance
}

# swift_proxy PORT MEMCACHED
swift_proxy() {
    cat <<SETTINGS
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $1
workers = 0
user = $(id -un)
swift_dir = $swift_folder
[pipeline:main]
pipeline = catch_errors cache listing_formats bulk tempurl tempauth slo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:$2
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:tempurl]
use = egg:swift#tempurl
[filter:tempauth]
use = egg:swift#tempauth
user_shop_platform = not-to-be-told .admin
[filter:slo]
use = egg:swift#slo
SETTINGS
}

# swift_storage KIND PORT
swift_storage() {
    cat <<SETTINGS
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $2
workers = 0
user = $(id -un)
swift_dir = $swift_folder
devices = $swift_folder/disks
mount_check = false
[pipeline:main]
pipeline = $1-server
[app:$1-server]
use = egg:swift#$1
SETTINGS
}

# swift METHOD [/NAME][?QUERY]: a request to the container, with a token.
swift() {
    local answer token account
    answer=$(curl -sSi --header "X-Auth-User: $swift_username" --header "X-Auth-Key: $swift_password" "$swift_authurl" | tr -d '\r')
    token=$(sed -n 's/^X-Auth-Token: //ip' <<<"$answer") account=$(sed -n 's/^X-Storage-Url: //ip' <<<"$answer")
    curl -sSf --request "$1" --header "X-Auth-Token: $token" "$account/$swift_container${2:-}"
}

stop_swift() {
    [ -n "$swift_folder" ] || return 0
    local daemon
    for daemon in "${swift_daemons[@]}"; do kill -KILL "$daemon" 2>/dev/null || true; done
    wait "${swift_daemons[@]}" 2>/dev/null || true
    rm -rf "$swift_folder"
    swift_folder='' swift_daemons=()
}
