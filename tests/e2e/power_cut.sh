#!/usr/bin/env bash
# The power of the disk is cut in the middle of writes, many times: what was answered before is there, whole.
. "$(dirname "$0")/lib/e2e.sh"
. "$e2e/lib/disk.sh"

# After the cut every write fails, and the server says so until it is killed.
errors_expected=yes
rounds=${POWER_CUT_ROUNDS:-8}
seed=${POWER_CUT_SEED:-$RANDOM}
RANDOM=$seed
data=$disk/data
report "        $rounds rounds, POWER_CUT_SEED=$seed"

writers() { python3 "$e2e/lib/writers.py" "$1" "$url" "$password" "$work/state" "${@:2}"; }

# left NUMBER: how a cut is made, and where what it leaves goes. Half of them keep a part of what was not synced.
left() { echo "$work/left.$1"; }
chance() { (($1 % 2)) || echo "--seed=$((seed + $1))"; }

kill_server() {
    # One whose disk went away while it started has ended by itself.
    kill -KILL "$server" || true
    wait "$server" || true
    server=''
    unmount_disk
}

for round in 1 2 3 4; do
    scenario "first start $round: cut at some moment, the next start makes of it an instance that can be used"
    mount_disk
    "$binary" serve --listen "127.0.0.1:$(free_port)" --data "$data" >>"$work/server.log" 2>&1 3>&- &
    server=$!
    sleep "0.$((RANDOM % 600 + 100))"
    # shellcheck disable=SC2046  # an option or none
    "$disk_tool" cut "$disk" "$work/first.$round" $(chance "$round")
    kill_server
    mount_disk "$work/first.$round"
    start_server
    equal admin "$(api GET /users/current | jq -r .username)"
    kill_server
done

scenario "the first of many cuts"
mount_disk
start_server
writers write "$seed" 1.5 "$disk_tool" cut "$disk" "$(left 0)"
kill_server

for round in $(seq 1 "$rounds"); do
    scenario "cut $round: what was answered before holds"
    mount_disk "$(left $((round - 1)))"
    start_server
    writers check
    # shellcheck disable=SC2046
    writers write $((seed + round)) 1.5 "$disk_tool" cut "$disk" "$(left "$round")" $(chance "$round")
    kill_server
    rm -rf "$(left $((round - 1)))"
done

scenario "after the last one the storage has what the database says, and a collection takes nothing of it"
data=$(left "$rounds")/data
contains "$("$binary" scrub --data "$data" --rate 0)" "0 damaged"
start_server
writers check
"$binary" gc --data "$data" --delete-untagged
writers check
report "        $(jq '[.tags, .blobs | length] | add' "$work/state") tags and blobs were answered"
