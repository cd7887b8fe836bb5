#!/usr/bin/env bash
# kill -9 in the middle of uploads, several times: everything that was acknowledged is there, whole.
. "$(dirname "$0")/lib/e2e.sh"
. "$e2e/lib/postgres.sh"

# By hand: KILL_ROUNDS=200 KILL_ON=postgres tests/e2e/run kill; on a machine that has other work, KILL_RESTART_MS=60000.
rounds=${KILL_ROUNDS:-12}
options=()
if [ "${KILL_ON:-sqlite}" = postgres ]; then
    start_postgres
    on_exit stop_postgres
    options=(--database-url "$postgres_url")
fi
start_server "${options[@]}"
: >"$work/acknowledged"
before=0
is_under_way() { [ "$(wc -l <"$work/acknowledged")" -ge $((before + 20)) ]; }

for round in $(seq 1 "$rounds"); do
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
    start_server "${options[@]}"
    below "${KILL_RESTART_MS:-2000}" $(($(now_ms) - began))
    # All of them are asked for once at the end.
    tail -n 500 "$work/acknowledged" >"$work/newest"
    equal "$(wc -l <"$work/newest")" "$(python3 "$e2e/lib/pusher.py" check "$url" "$password" "$work/newest")"
done

scenario "every object that a row names is whole"
contains "$("$binary" scrub --data "$data" "${options[@]}" --rate 0)" "0 damaged"

scenario "a collection afterwards takes nothing of them"
report "        $(wc -l <"$work/acknowledged") images were acknowledged"
"$binary" gc --data "$data" "${options[@]}" --time-window 0 --delete-untagged
equal "$(wc -l <"$work/acknowledged")" "$(python3 "$e2e/lib/pusher.py" check "$url" "$password" "$work/acknowledged")"

scenario "a job that was killed with the server is done by the next one"
api POST /system/gc/schedule '{"schedule":{"type":"Manual"},"parameters":{"delete_untagged":true}}'
kill -KILL "$server"
wait "$server" || true
start_server "${options[@]}"
last() { api GET '/system/gc?page_size=1&sort=-creation_time' | jq -r '.[0]'; }
is_done() { [ "$(last | jq -r .job_status)" = Success ]; }
within 150 is_done
equal "$(wc -l <"$work/acknowledged")" "$(python3 "$e2e/lib/pusher.py" check "$url" "$password" "$work/acknowledged")"
