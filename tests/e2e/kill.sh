#!/usr/bin/env bash
# kill -9 in the middle of uploads, several times: everything that was acknowledged is there, whole.
. "$(dirname "$0")/lib/e2e.sh"

start_server
: >"$work/acknowledged"
before=0
is_under_way() { [ "$(wc -l <"$work/acknowledged")" -ge $((before + 20)) ]; }

for round in $(seq 1 12); do
    scenario "round $round: killed during uploads, it starts again with all that it acknowledged"
    before=$(wc -l <"$work/acknowledged")
    python3 "$e2e/lib/pusher.py" push "$url" "$password" "$work/acknowledged" 3>&- &
    pusher=$!
    within 60 is_under_way
    # At any point of what eight clients are doing.
    sleep "0.$((RANDOM % 900 + 100))"
    kill -KILL "$server"
    wait "$server" || true
    wait $pusher
    began=$(now_ms)
    start_server
    below 2000 $(($(now_ms) - began))
    equal "$(wc -l <"$work/acknowledged")" "$(python3 "$e2e/lib/pusher.py" check "$url" "$password" "$work/acknowledged")"
done

scenario "every object that a row names is whole"
contains "$("$binary" scrub --data "$data" --rate 0)" "0 damaged"

scenario "a collection afterwards takes nothing of them"
report "        $(wc -l <"$work/acknowledged") images were acknowledged"
"$binary" gc --data "$data" --time-window 0 --delete-untagged
equal "$(wc -l <"$work/acknowledged")" "$(python3 "$e2e/lib/pusher.py" check "$url" "$password" "$work/acknowledged")"

scenario "a job that was killed with the server is done by the next one"
api POST /system/gc/schedule '{"schedule":{"type":"Manual"},"parameters":{"delete_untagged":true}}'
kill -KILL "$server"
wait "$server" || true
start_server
last() { api GET '/system/gc?page_size=1&sort=-creation_time' | jq -r '.[0]'; }
is_done() { [ "$(last | jq -r .job_status)" = Success ]; }
within 150 is_done
equal "$(wc -l <"$work/acknowledged")" "$(python3 "$e2e/lib/pusher.py" check "$url" "$password" "$work/acknowledged")"
