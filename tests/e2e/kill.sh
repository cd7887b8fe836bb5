#!/usr/bin/env bash
# kill -9 in the middle of uploads, several times: everything that was acknowledged is there, whole.
. "$(dirname "$0")/lib/e2e.sh"

start_server
: >"$work/acknowledged"

for round in 1 2 3; do
    scenario "round $round: killed during uploads, it starts again with all that it acknowledged"
    before=$(wc -l <"$work/acknowledged")
    python3 "$e2e/lib/pusher.py" push "$url" "$password" "$work/acknowledged" 3>&- &
    pusher=$!
    sleep 2
    kill -KILL "$server"
    wait "$server" || true
    wait $pusher
    below "$(wc -l <"$work/acknowledged")" $((before + 5))
    began=$(now_ms)
    start_server
    below 2000 $(($(now_ms) - began))
    equal "$(wc -l <"$work/acknowledged")" "$(python3 "$e2e/lib/pusher.py" check "$url" "$password" "$work/acknowledged")"
done

scenario "what lies in the store is what the database knows"
files=$(find "$data/storage" -type f | wc -l)
report "        $(wc -l <"$work/acknowledged") images acknowledged, $files files in the store"
