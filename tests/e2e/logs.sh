#!/usr/bin/env bash
# The log collector: a burst, rotations, a kill, a full disk, a removed directory; no line is lost, none comes twice.
. "$(dirname "$0")/lib/e2e.sh"

# A full disk is an error that the operator must read.
errors_expected=yes
port=$(free_port)
disk=$work/disk
mkdir "$disk"
mount -t tmpfs -o size=8m,mode=0755 tmpfs "$disk"
on_exit "umount --lazy $disk"

# collect DIRECTORY SIZE COUNT: starts a collector, until `stop_collector`.
collect() {
    printf 'listen: 127.0.0.1:%s\ndirectory: %s\nrotate_size: %s\nrotate_count: %s\n' "$port" "$1" "$2" "$3" >"$work/log.yml"
    "$binary" log --config "$work/log.yml" 2>>"$work/collector.log" 3>&- &
    collector=$!
    within 20 "$binary" healthcheck --collector "127.0.0.1:$port"
}

stop_collector() {
    kill "${1:--TERM}" "$collector"
    wait "$collector" || true
}

# send COUNT [FROM]: lines of the service `app` over one connection, as Docker writes them; waits until they are written.
send() {
    python3 - "$port" "$1" "${2:-1}" <<'PYTHON'
import socket, sys
port, count, first = map(int, sys.argv[1:])
with socket.create_connection(("127.0.0.1", port)) as connection:
    for n in range(first, first + count):
        connection.sendall(b"<30>Jul 24 11:17:46 app[7]: line %d %s\n" % (n, b"x" * 100))
    connection.shutdown(socket.SHUT_WR)
    connection.recv(1)
PYTHON
}

# numbers DIRECTORY: those of the lines, from the oldest file to the newest.
numbers() {
    local file
    find "$1" -name 'app.log.*.gz' -printf '%f\n' | sort -t. -k3,3nr | while read -r file; do zcat "$1/$file"; done
    for file in "$1"/app.log.rotated-*; do [ ! -e "$file" ] || [ "${file%.tmp}" != "$file" ] || cat "$file"; done
    cat "$1/app.log"
}

# all_of COUNT DIRECTORY: each line is there once, in order.
all_of() { diff <(seq "$1") <(numbers "$2" | sed -n 's/.*: line \([0-9]*\) .*/\1/p') >"$work/difference"; }

scenario "a burst of 100 000 lines goes through rotations"
collect "$work/burst" 1M 100
send 100000
stop_collector
all_of 100000 "$work/burst"
[ -f "$work/burst/app.log.10.gz" ]

scenario "a kill in the middle of rotations loses no line that was written"
collect "$work/killed" 64k 1000
send 50000
stop_collector -KILL
collect "$work/killed" 64k 1000
send 50000 50001
stop_collector
all_of 100000 "$work/killed"

scenario "on a full disk lines are held back, and written once there is room"
collect "$disk/logs" 200M 5
cat /dev/zero >"$disk/neighbour" || true
send 20000 &
sender=$!
within 20 grep -q 'held back' "$work/collector.log"
refuses "$binary" healthcheck --collector "127.0.0.1:$port"
kill -0 "$sender"
rm "$disk/neighbour"
wait "$sender"
"$binary" healthcheck --collector "127.0.0.1:$port"
stop_collector
all_of 20000 "$disk/logs"

scenario "a directory that was removed is made again"
collect "$work/removed" 200M 5
send 10
rm -r "$work/removed"
sleep 1.5
send 10
stop_collector
all_of 10 "$work/removed"
