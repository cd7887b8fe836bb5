# shellcheck shell=bash
# Ceph's object gateway, for the tests alone: one monitor, one store that keeps its objects in memory, one gateway.
#
# Sourced. Its daemons run in the foreground of nobody, on free ports and in a temporary folder, and end with the test.

radosgw_folder='' radosgw_daemons=()

# start_radosgw [ADDRESS]: sets $s3_endpoint, $s3_accesskey, $s3_secretkey and $s3_bucket.
start_radosgw() {
    local program port monitor address=${1:-127.0.0.1}
    for program in ceph-mon ceph-osd radosgw radosgw-admin ceph monmaptool; do
        command -v "$program" >/dev/null || { echo "error: there is no $program: apt-get install ceph-mon ceph-osd radosgw" >&2; return 1; }
    done
    radosgw_folder=$(mktemp -d /tmp/test-ceph.XXXXXX)
    port=$(radosgw_port) monitor=$(radosgw_port)
    export s3_endpoint=http://$address:$port s3_accesskey=platform s3_secretkey=not-to-be-told s3_bucket=images
    radosgw_settings "$address:$port" "$monitor" >"$radosgw_folder/ceph.conf"
    export CEPH_CONF=$radosgw_folder/ceph.conf
    radosgw_cluster "$monitor" >"$radosgw_folder/cluster.log" 2>&1 3>&- \
        || { radosgw_last_words; echo "error: Ceph did not start; its last words are above" >&2; return 1; }
    radosgw_user >"$radosgw_folder/user.log" 2>&1 3>&- \
        || { radosgw_last_words; echo "error: Ceph's gateway did not start; its last words are above" >&2; return 1; }
}

# What a daemon says before it gives up is on its standard error; its log may end before that.
radosgw_last_words() { tail -n 8 "$radosgw_folder"/*.log "$radosgw_folder"/*.out >&2 || true; }

radosgw_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

radosgw_settings() {
    cat <<EOF
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
mon host = v2:127.0.0.1:$2
ms bind msgr1 = false
auth cluster required = none
auth service required = none
auth client required = none
run dir = $radosgw_folder
admin socket = $radosgw_folder/\$name.asok
log file = $radosgw_folder/\$name.log
pid file = $radosgw_folder/\$name.pid
crash dir = $radosgw_folder
osd pool default size = 1
osd pool default min size = 1
mon allow pool size one = true
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
[mon.a]
mon data = $radosgw_folder/mon
# It stops on a disk that is 95 % full, though what is kept here is small.
mon data avail crit = 0
[osd.0]
osd data = $radosgw_folder/osd
osd objectstore = memstore
memstore device bytes = 8589934592
public addr = 127.0.0.1
cluster addr = 127.0.0.1
[client.gateway]
# The gateway wants its words with the monitor sealed, which needs keys.
ms mon client mode = crc
rgw frontends = beast endpoint=$1
rgw enable usage log = false
rgw gc obj min wait = 1
EOF
}

# radosgw_daemon PROGRAM OPTION..: in the background; ends when it is told to.
radosgw_daemon() {
    "$@" --foreground >"$radosgw_folder/${1##*/}.out" 2>&1 3>&- &
    radosgw_daemons+=($!)
}

# Each step is followed by `|| return`: its caller asks how it went, which turns `set -e` off.
radosgw_cluster() {
    local fsid osd
    fsid=$(sed -n 's/^fsid = //p' "$CEPH_CONF")
    osd=$(cat /proc/sys/kernel/random/uuid)
    mkdir "$radosgw_folder/mon" "$radosgw_folder/osd" || return
    monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$1]" "$radosgw_folder/monmap" || return
    ceph-mon --mkfs --id a --monmap "$radosgw_folder/monmap" || return
    radosgw_daemon ceph-mon --id a
    timeout 30 ceph osd new "$osd" || return
    timeout 30 ceph-osd --mkfs --id 0 --osd-uuid "$osd" || return
    radosgw_daemon ceph-osd --id 0
    timeout 30 bash -c 'until ceph osd stat --format json | jq -e ".num_up_osds == 1"; do sleep 0.2; done'
}

radosgw_user() {
    timeout 60 radosgw-admin --name client.gateway user create --uid platform --display-name Platform \
        --access-key "$s3_accesskey" --secret-key "$s3_secretkey" || return
    radosgw_daemon radosgw --name client.gateway
    # shellcheck disable=SC2016  # the inner shell's
    timeout 60 bash -c 'until curl --silent --output /dev/null "$1"; do sleep 0.2; done' - "$s3_endpoint" || return
    s3 PUT
}

# s3 METHOD [/KEY][?QUERY]: a signed request to the bucket.
s3() { python3 "$(dirname "${BASH_SOURCE[0]}")/s3.py" "$@"; }

stop_radosgw() {
    [ -n "$radosgw_folder" ] || return 0
    local daemon
    for daemon in "${radosgw_daemons[@]}"; do kill -KILL "$daemon" 2>/dev/null || true; done
    wait "${radosgw_daemons[@]}" 2>/dev/null || true
    rm -rf "$radosgw_folder"
    radosgw_folder='' radosgw_daemons=()
}
