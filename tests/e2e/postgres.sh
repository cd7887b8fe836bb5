#!/usr/bin/env bash
# On PostgreSQL instead of SQLite: push, pull, restart, kill -9 during pushes, garbage collection.
. "$(dirname "$0")/lib/e2e.sh"
. "$e2e/lib/postgres.sh"

start_postgres
on_exit stop_postgres
start_server --database-url "$postgres_url"
skopeo login --tls-verify=false --username admin --password "$password" "$registry"
image "$work/layout" t --layers 2 --layer-kib 16 --count 40
export work registry
# shellcheck disable=SC2317  # run by xargs
push() { skopeo copy --quiet --dest-tls-verify=false "oci:$work/layout:t$1" "docker://$registry/library/app-$(($1 % 4)):t$1"; }
export -f push
pull() { rm -rf "$work/pulled" && skopeo copy --src-tls-verify=false "docker://$registry/library/$1" dir:"$work/pulled"; }

scenario "40 images pushed by 8 clients at a time"
seq 0 39 | xargs --max-procs 8 --replace bash -ec 'push {}'
equal 4 "$(api GET /projects/library | jq .repo_count)"

scenario "they are pulled as they were"
skopeo copy "oci:$work/layout:t7" dir:"$work/sent"
pull app-3:t7
diff --recursive "$work/sent" "$work/pulled"

scenario "everything is there after a restart"
stop_server
start_server --database-url "$postgres_url"
pull app-3:t7
diff --recursive "$work/sent" "$work/pulled"

scenario "killed during uploads, it starts again with all that it acknowledged"
: >"$work/acknowledged"
python3 "$e2e/lib/pusher.py" push "$url" "$password" "$work/acknowledged" 3>&- &
pusher=$!
is_under_way() { [ "$(wc -l <"$work/acknowledged")" -ge 20 ]; }
within 60 is_under_way
kill -KILL "$server"
wait "$server" || true
wait $pusher
start_server --database-url "$postgres_url"
equal "$(wc -l <"$work/acknowledged")" "$(python3 "$e2e/lib/pusher.py" check "$url" "$password" "$work/acknowledged")"

scenario "garbage collection frees what was deleted and nothing else"
before=$(stored_bytes)
api PUT /configurations '{"deletion_grace":0}'
api DELETE /projects/library/repositories/app-1
"$binary" gc --data "$data" --database-url "$postgres_url"
below "$before" "$(stored_bytes)"
pull app-3:t7
diff --recursive "$work/sent" "$work/pulled"
refuses pull app-1:t1
equal "$(wc -l <"$work/acknowledged")" "$(python3 "$e2e/lib/pusher.py" check "$url" "$password" "$work/acknowledged")"
