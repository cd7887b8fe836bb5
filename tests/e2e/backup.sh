#!/usr/bin/env bash
# Backup beside pushes and collections, restore on an empty place, what is refused: SQLite, PostgreSQL, separate services.
. "$(dirname "$0")/lib/e2e.sh"
. "$e2e/lib/postgres.sh"

start_postgres
on_exit stop_postgres
backup() { "$binary" backup "$@"; }
restore() { "$binary" restore "$@"; }
collect() { "$binary" gc --data "$data" "${database[@]}" --time-window 0 --delete-untagged; }
push() { skopeo copy --quiet --dest-tls-verify=false --dest-creds "admin:$password" "oci:$work/layout:$1" "docker://$registry/library/$2"; }
pull() { rm -rf "$work/pulled" && skopeo copy --src-tls-verify=false --src-creds "admin:$password" "docker://$registry/library/$1" dir:"$work/pulled"; }
image "$work/layout" large --layers 4 --layer-kib 8192 --seed large
skopeo copy "oci:$work/layout:large" dir:"$work/sent"

# move_to DIRECTORY OPTION..: from here on the server is the one of this directory; its people have their passwords.
move_to() {
    stop_server
    data=$1
    shift
    start_server "$@"
}

# under_load COMMAND..: runs it while four clients push and pull, and collections without a window follow each other.
under_load() {
    local pusher collector
    : >"$work/pushed"
    python3 "$e2e/lib/pusher.py" keep "$url" "$password" "$work/pushed" 3>&- &
    pusher=$!
    rm -f "$work/enough"
    while [ ! -e "$work/enough" ]; do collect; done 3>&- &
    collector=$!
    some() { [ "$(wc -l <"$work/pushed")" -ge 20 ]; }
    within 60 some
    cp "$work/pushed" "$work/before"
    # The last line may be half written, and is of a push that was not acknowledged then.
    sed -i '$d' "$work/before"
    "$@"
    # Not killed: the server would go on with the collection, in the way of the next.
    touch "$work/enough"
    wait "$collector"
    kill -INT "$pusher"
    wait "$pusher"
    report "        $(wc -l <"$work/before") images were acknowledged before it, $(wc -l <"$work/pushed") in all"
}

# all_of FILE: every image that is written down there is pulled as it was pushed.
all_of() { equal "$(wc -l <"$1")" "$(python3 "$e2e/lib/pusher.py" check "$url" "$password" "$1")"; }

database=()
start_server
push large kept:v1
push large doomed:v1
make_user alice

scenario "a backup of SQLite is made while clients push and collections run"
under_load backup --data "$data" --to "$work/sqlite.tar"
equal 600 "$(stat --format %a "$work/sqlite.tar")"
"$binary" verify-backup --from "$work/sqlite.tar"
contains "$(tar --list --file "$work/sqlite.tar")" database/harbor.db

scenario "what is deleted and collected while a backup is under way is in it nevertheless"
mkfifo "$work/pipe"
# Nobody reads, so it stands still after its moment and before most of the objects.
backup --data "$data" --to - >"$work/pipe" 3>&- &
slow=$!
exec 9<"$work/pipe"
dd bs=64k count=1 iflag=fullblock status=none <&9 >"$work/slow.tar"
api PUT /configurations '{"deletion_grace":0}'
api DELETE /projects/library/repositories/doomed
api DELETE /projects/library/repositories/kept
before=$(stored_bytes)
collect | tee "$work/said"
contains "$(cat "$work/said")" "a backup is being made"
equal "$before" "$(stored_bytes)"
cat <&9 >>"$work/slow.tar"
wait $slow
exec 9<&-
collect
below $((before - 30 * 1024 * 1024)) "$(stored_bytes)"
refuses pull kept:v1

scenario "a backup that is killed leaves nothing that the next one does not clear"
exec 9<>"$work/pipe"
"$binary" backup --data "$data" --to - >"$work/pipe" 3>&- &
killed=$!
within 10 test -e "$data/harbor.backup/lock"
kill -KILL $killed
wait $killed || true
exec 9>&-
backup --data "$data" --to "$work/next.tar"
refuses test -e "$data/harbor.backup"
equal '' "$(find "$work" -maxdepth 1 -name '*.partial')"

scenario "restored into an empty directory, every tag of before is pulled with its digest"
kept=$password
restore --data "$work/restored" --from "$work/sqlite.tar"
move_to "$work/restored"
equal "$kept" "$password"
all_of "$work/before"
pull kept:v1
diff --recursive "$work/sent" "$work/pulled"
pull doomed:v1
equal alice "$(curl -sf --user "alice:$secret" "$url/api/v2.0/users/current" | jq -r .username)"
push large after:v1
collect
all_of "$work/before"

scenario "so is the one that was read slowly, from a stream"
restore --data "$work/streamed" --from - <"$work/slow.tar"
move_to "$work/streamed"
pull kept:v1
diff --recursive "$work/sent" "$work/pulled"
pull doomed:v1

scenario "without objects, with the storage copied by other means"
backup --data "$data" --to "$work/rows.tar" --without-blobs
refuses restore --data "$work/rows" --from "$work/rows.tar"
contains "$out" "library/doomed:v1"
contains "$out" "nothing was restored"
cp --archive "$data/storage" "$work/rows/"
restore --data "$work/rows" --from "$work/rows.tar"
move_to "$work/rows"
pull kept:v1

scenario "a place in which something is, is refused"
refuses restore --data "$data" --from "$work/sqlite.tar"
contains "$out" "stop it first"
refuses restore --data "$work/restored" --from "$work/sqlite.tar"
contains "$out" "empty directory"
push large after:v1

scenario "a truncated backup is refused, as a file and as a stream"
head --bytes 5000000 "$work/sqlite.tar" >"$work/cut.tar"
refuses "$binary" verify-backup --from "$work/cut.tar"
refuses restore --data "$work/cut" --from "$work/cut.tar"
contains "$out" "too early"
refuses restore --data "$work/cut" --from - <"$work/cut.tar"
contains "$out" "nothing was restored"
equal '' "$(find "$work/cut" -type f -not -name lock)"

scenario "a damaged backup is refused, as a file and as a stream"
cp "$work/sqlite.tar" "$work/damaged.tar"
python3 - "$work/damaged.tar" <<'PYTHON'
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(20_000_000)
    byte = file.read(1)
    file.seek(20_000_000)
    file.write(bytes([byte[0] ^ 1]))
PYTHON
refuses "$binary" verify-backup --from "$work/damaged.tar"
refuses restore --data "$work/damaged" --from "$work/damaged.tar"
equal '' "$(find "$work/damaged" -type f -not -name lock)"
refuses restore --data "$work/damaged" --from - <"$work/damaged.tar"
equal '' "$(find "$work/damaged" -type f -not -name lock)"

scenario "an object that the storage has lost is named, with an image that needs it"
lost=$(find "$data/storage" -type f -size +1M | head -n 1)
rm "$lost"
refuses backup --data "$data" --to "$work/lost.tar"
contains "$out" "${lost##*/}"
contains "$out" "library/"
refuses restore --data "$work/lost" --from "$work/lost.tar"
restore --data "$work/lost" --from "$work/lost.tar" --accept-missing

# ---- PostgreSQL, and the configuration of separate services --------------------------------------------------------

# new_database NAME: prints its URL.
new_database() {
    psql --quiet "$postgres_url" --command "CREATE DATABASE $1" >&2
    echo "${postgres_url%/*}/$1"
}

# configuration FILE NAME STORAGE: the job service's, as prepare renders it.
configuration() {
    local port=${postgres_url##*:}
    cat >"$1" <<YAML
listen: 127.0.0.1:1
database:
  host: 127.0.0.1
  port: ${port%/*}
  name: $2
  user: postgres
  password: none
storage: $3
max_job_workers: 3
YAML
}

scenario "a backup of separate services on PostgreSQL is made while clients push and collections run"
first=$(new_database first)
database=(--database-url "$first")
move_to "$work/first" "${database[@]}"
push large kept:v1
make_user bob
configuration "$work/first.yml" first "$data/storage"
through_a_pipe() { backup --config "$work/first.yml" --keys "$data/keys" --to - >"$work/postgres.tar"; }
under_load through_a_pipe

scenario "restored into another database and another storage, every tag of before is pulled with its digest"
kept=$password
second=$(new_database second)
mkdir --parents "$work/second"
configuration "$work/second.yml" second "$work/second/storage"
restore --config "$work/second.yml" --keys "$work/second/keys" --from - <"$work/postgres.tar"
database=(--database-url "$second")
# Of an installation of separate services: the password is in its backup, and no file of it.
echo "$kept" >"$work/second/admin_password"
move_to "$work/second" "${database[@]}"
all_of "$work/before"
pull kept:v1
diff --recursive "$work/sent" "$work/pulled"
equal bob "$(curl -sf --user "bob:$secret" "$url/api/v2.0/users/current" | jq -r .username)"
push large after:v1
make_user carol
collect
all_of "$work/before"

scenario "a database that is not empty is refused"
configuration "$work/third.yml" first "$work/third"
refuses restore --config "$work/third.yml" --from "$work/postgres.tar"
contains "$out" "not empty"
refuses restore --config "$work/second.yml" --from - <"$work/postgres.tar"
contains "$out" "not empty"

scenario "a stream that breaks leaves database and storage empty"
new_database third >"$work/third.url"
configuration "$work/third.yml" third "$work/third"
head --bytes 20000000 "$work/postgres.tar" >"$work/cut.tar"
refuses restore --config "$work/third.yml" --from - <"$work/cut.tar"
equal '' "$(find "$work/third" -type f)"
equal 0 "$(psql --quiet --tuples-only --no-align "$(cat "$work/third.url")" --command "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'")"

scenario "a restore that is killed is begun anew"
mkfifo "$work/pipe2"
"$binary" restore --config "$work/third.yml" --from - <"$work/pipe2" 3>&- &
killed=$!
exec 9>"$work/pipe2"
cat "$work/cut.tar" >&9
within 10 test -e "$work/third/restore.partial"
kill -KILL $killed
wait $killed || true
exec 9>&-
restore --config "$work/third.yml" --from "$work/postgres.tar"
refuses test -e "$work/third/restore.partial"
refuses restore --data "$work/other" --from "$work/postgres.tar"
contains "$out" "--database-url"
