#!/usr/bin/env bash
# Adoption of a tree that Debian's docker-registry wrote: what comes over, what is listed, again, after a kill, and beside a server.
. "$(dirname "$0")/lib/e2e.sh"
. "$e2e/lib/registry.sh"
. "$e2e/lib/postgres.sh"

tree=$work/old
import() { "$binary" import "$@"; }
pull() { rm -rf "$work/pulled" && skopeo copy --quiet --src-tls-verify=false --src-creds "admin:$password" "docker://$registry/$1" dir:"$work/pulled"; }
new_instance() {
    stop_server
    data=$work/$1
    start_server
}
# listing: every file of the tree with its size, time and place on the disk.
listing() { find "$tree/docker" -type f -printf '%p %s %T@ %i\n' | sort; }
# tags_of NAME: how many there are.
tags_of() {
    local last='' page total=0 count=1000
    while [ "$count" -eq 1000 ]; do
        page=$(curl -sf --user "admin:$password" "$url/v2/$1/tags/list?n=1000&last=$last")
        count=$(jq '.tags | length' <<<"$page")
        last=$(jq -r '.tags | last' <<<"$page")
        total=$((total + count))
    done
    echo $total
}

start_registry "$tree"
image "$work/layout" v --count 30
image "$work/layout" multi --platform linux/amd64 --platform linux/arm64 --layers 2
image "$work/layout" large --layers 2 --layer-kib 2048 --seed large
image "$work/layout" new --seed new
for number in $(seq 0 29); do push_old "v$number" "library/app:v$number"; done
push_old multi library/multi:latest
push_old multi team/deep/er/multi:1
push_old large library/large:v1
push_old v0 library/docker:v2s2 --format v2s2
push_old v1 alpine:3.20
push_old v2 library/app/below:v2
# What says something about another manifest: a signature, say.
subject=$(curl -sfI --header 'Accept: application/vnd.oci.image.manifest.v1+json' "$old_url/v2/library/app/manifests/v0" | tr -d '\r' | sed -n 's/^Docker-Content-Digest: //Ip')
curl -sf --header 'Accept: application/vnd.oci.image.manifest.v1+json' "$old_url/v2/library/app/manifests/v0" >"$work/manifest.json"
jq -c --arg digest "$subject" --argjson size "$(stat --format %s "$work/manifest.json")" \
    '.subject = {mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $digest, size: $size} | .artifactType = "application/x.signature"' \
    "$work/manifest.json" >"$work/signature.json"
put_manifest library/app "$(digest_of "$work/signature.json")" "$work/signature.json" application/vnd.oci.image.manifest.v1+json
# Deleted there: the manifest, and its tag with it.
push_old new library/app:gone
gone=$(curl -sfI --header 'Accept: application/vnd.oci.image.manifest.v1+json' "$old_url/v2/library/app/manifests/gone" | tr -d '\r' | sed -n 's/^Docker-Content-Digest: //Ip')
http 202 --request DELETE "$old_url/v2/library/app/manifests/$gone"
# Half uploaded there.
http 202 --request POST "$old_url/v2/library/app/blobs/uploads/"
location=$(header location)
head -c 100000 /dev/urandom >"$work/half"
http 202 --request PATCH --header 'Content-Type: application/octet-stream' --data-binary "@$work/half" "$location"
# As many tags as nobody wants to push in a test.
fake "$tree" tags library/app v3 3000
# What was written less than a minute before an import may be missed by it, and is not taken for deleted after it.
find "$tree/docker" -type f -exec touch --date '1 hour ago' {} +
listing >"$work/before"

scenario "only an instance takes a tree over, and not while its server has the database for itself"
refuses import --data "$work/nobody" "$tree"
contains "$out" "no instance of harbor"
start_server
refuses import --data "$data" "$tree"
contains "$out" "stop it for the import"
stop_server
refuses import --data "$data" "$work/layout"
contains "$out" "rootdirectory"
refuses import --data "$data"
contains "$out" "rootdirectory"

scenario "a tree is taken over where it lies; a name without a project is refused until one is named"
refuses import --data "$data" "$tree"
contains "$out" "repositories/alpine: its name has no project"
contains "$out" "--into"
contains "$out" "new projects, which nobody but a system administrator sees until they have members or are made public: team"
contains "$out" "1 uploads had not ended"
import --data "$data" --into mirror | tee "$work/said"
contains "$(cat "$work/said")" "new are 1 manifests, 1 tags"
listing | diff "$work/before" -

scenario "every tag, manifest and blob is served as the old registry serves it, also beside it"
start_server
equal 3036 "$(same mirror)"
pull library/large:v1
skopeo copy --quiet "oci:$work/layout:large" dir:"$work/sent"
diff --recursive "$work/sent" "$work/pulled"
skopeo copy --quiet --all --src-tls-verify=false --src-creds "admin:$password" "docker://$registry/team/deep/er/multi:1" dir:"$work/multi"
equal arm64 "$(api GET "/projects/library/repositories/multi/artifacts/latest" | jq -r '.references[1].platform.architecture')"
equal "$(digest_of "$work/signature.json")" "$(curl -sf --user "admin:$password" "$url/v2/library/app/referrers/$subject" | jq -r '.manifests[0].digest')"
http 404 --user "admin:$password" "$url/v2/library/app/manifests/gone"
http 404 --user "admin:$password" "$url/v2/library/app/manifests/$gone"
http 401 "$url/v2/team/deep/er/multi/tags/list"
skopeo copy --quiet --dest-tls-verify=false --dest-creds "admin:$password" "oci:$work/layout:new" "docker://$registry/library/app:here"
listing | diff "$work/before" -

scenario "a second import brings what the old registry has taken since, and nothing that was changed here"
api DELETE /projects/library/repositories/app/artifacts/v5/tags/v5
skopeo copy --quiet --dest-tls-verify=false --dest-creds "admin:$password" "oci:$work/layout:new" "docker://$registry/library/app:v6"
stop_server
push_old large library/app:v7
push_old new library/later:v1
import --data "$data" --into mirror --json >"$work/report.json"
equal '2 2 true' "$(jq -r '"\(.tags) \(.manifests) \(.complete)"' "$work/report.json")"
equal '1 0' "$(jq -r '"\(.deleted) \(.problems | length)"' "$work/report.json")"
start_server
http 404 --user "admin:$password" "$url/v2/library/app/manifests/v5"
new=$(curl -sfI --user "admin:$password" "$url/v2/library/app/manifests/here" | tr -d '\r' | sed -n 's/^Docker-Content-Digest: //Ip')
equal "$new" "$(curl -sfI --user "admin:$password" "$url/v2/library/app/manifests/v6" | tr -d '\r' | sed -n 's/^Docker-Content-Digest: //Ip')"
pull library/later:v1
pull library/app:v7
diff --recursive "$work/sent" "$work/pulled"
stop_server
import --data "$data" --into mirror --again --verify | tee "$work/said"
contains "$(cat "$work/said")" "new are 0 manifests, 1 tags and 0 blobs"
start_server
http 200 --user "admin:$password" "$url/v2/library/app/manifests/v5"

scenario "garbage collection removes adopted blobs where they lie, and only what nothing names"
count() { find "$tree/docker/registry/v2/blobs" -name data | wc -l; }
many=$(count)
layer=$(jq -r '.layers[0].digest' "$work/sent/manifest.json")
path=$tree/docker/registry/v2/blobs/sha256/${layer:7:2}/${layer:7}
test -f "$path/data"
"$binary" gc --data "$data" --time-window 0
equal "$many" "$(count)"
api PUT /configurations '{"deletion_grace":0}'
api DELETE /projects/library/repositories/large
api DELETE /projects/library/repositories/app/artifacts/v7
"$binary" gc --data "$data" --time-window 0
refuses test -e "$path"
# The config and two layers.
equal $((many - 3)) "$(count)"
equal '' "$(find "$tree/docker/registry/v2/blobs" -type d -empty)"
pull library/multi:latest
skopeo copy --quiet --dest-tls-verify=false --dest-creds "admin:$password" "oci:$work/layout:large" "docker://$registry/library/large:v2"
pull library/large:v2
refuses test -e "$path"

scenario "a backup of it is whole, and restored elsewhere it serves the same"
stop_registry
"$binary" backup --data "$data" --to "$work/backup.tar"
"$binary" verify-backup --from "$work/backup.tar"
stop_server
"$binary" restore --data "$work/restored" --from "$work/backup.tar"
data=$work/restored
start_server
pull library/large:v2
diff --recursive "$work/sent" "$work/pulled"
pull team/deep/er/multi:1

scenario "what is damaged is listed, and everything else comes over"
repositories=$tree/docker/registry/v2/repositories
: >"$repositories/library/app/_manifests/tags/v8/current/link"
echo nonsense >"$repositories/library/app/_manifests/tags/v9/current/link"
rm "$repositories/library/app/_manifests/revisions/${subject/:/\/}/link"
manifest=$(cat "$repositories/library/app/_manifests/tags/v10/current/link")
printf '{}' >"$tree/docker/registry/v2/blobs/sha256/${manifest:7:2}/${manifest:7}/data"
mkdir -p "$repositories/Upper/_manifests/tags/v1/current"
cp "$repositories/library/app/_manifests/tags/v11/current/link" "$repositories/Upper/_manifests/tags/v1/current/link"
config=$(jq -r .config.digest "$tree/docker/registry/v2/blobs/sha256/$(sed 's#sha256:\(..\)\(.*\)#\1/\1\2#' "$repositories/library/app/_manifests/tags/v12/current/link")/data")
rm "$tree/docker/registry/v2/blobs/sha256/${config:7:2}/${config:7}/data"
new_instance damaged
stop_server
refuses import --data "$data" --into mirror "$tree"
contains "$out" "remove that file if nobody else uses the tree"
rm "$tree/instance"
refuses import --data "$data" --into mirror "$tree"
contains "$out" "tags/v8/current/link: the link is empty"
contains "$out" "tags/v9/current/link: the link holds no digest"
contains "$out" "tags/v0/current/link: it names $subject, which was deleted"
contains "$out" "tags/v10/current/link: it names $manifest, which is damaged"
contains "$out" "repositories/Upper: a repository name is"
contains "$out" "is not whole: $config is not in the storage"
start_server
# v0, v8, v9 and v10 are what is lost of 3030, and `gone` is gone.
equal 3026 "$(tags_of library/app)"
refuses pull library/app:v12
pull library/app:v13

scenario "an import that is killed goes on"
tree=$work/big
fake "$tree" images library/big 2000 20000
listing >"$work/before"
new_instance killed
stop_server
for pause in 0.3 0.5 0.7; do
    status=0
    timeout --signal KILL $pause "$binary" import --data "$data" "$tree" || status=$?
    equal 137 $status
done
import --data "$data" "$tree" | tee "$work/said"
start_server
equal 20000 "$(tags_of library/big)"
pull library/big:t19999
stop_server
import --data "$data" | tee "$work/said"
contains "$(cat "$work/said")" "new are 0 manifests, 0 tags and 0 blobs"
start_server

scenario "an import that is asked to stop says so, and goes on too"
new_instance stopped
stop_server
rm "$tree/instance"
refuses timeout --signal INT 0.5 "$binary" import --data "$data" "$tree"
contains "$out" "run it again"

scenario "a collection that is asked for meanwhile is done after it"
import --data "$data" 3>&- &
importing=$!
sleep 0.3
"$binary" gc --data "$data" --dry-run
wait $importing
"$binary" gc --data "$data" --time-window 0 --delete-untagged
listing | diff "$work/before" -

scenario "a server that serves beside its own import brings what is asked for first"
stop_server
data=$work/serving
start_server
stop_server
rm -r "$data/storage"
ln -s "$tree" "$data/storage"
# The instance before said that the tree is its own.
rm "$tree/instance"
start_server --import --import-into mirror
http 200 --user "admin:$password" "$url/v2/library/big/manifests/t19998"
below 20000 "$(tags_of library/big)"
pull library/big:t19998
http 404 --user "admin:$password" "$url/v2/library/big/manifests/absent"
all_here() { [ "$(tags_of library/big)" -eq 20000 ]; }
within 120 all_here
pull library/big:t1
within 60 grep --quiet "import ended" "$work/server.log"

scenario "beside the services on PostgreSQL it is served while it comes"
start_postgres
on_exit stop_postgres
psql --quiet "$postgres_url" --command "CREATE DATABASE imported"
rest=${postgres_url##*:}
cat >"$work/jobservice.yml" <<YAML
listen: 127.0.0.1:1
database: {host: 127.0.0.1, port: ${rest%/*}, name: imported, user: postgres, password: none}
storage: $tree
max_job_workers: 3
YAML
stop_server
data=$work/beside
mkdir "$data"
ln -s "$tree" "$data/storage"
rm "$tree/instance"
start_server --database-url "${postgres_url%/*}/imported"
import --config "$work/jobservice.yml" >"$work/said" 3>&- &
importing=$!
some() { [ "$(tags_of library/big)" -gt 0 ]; }
within 60 some
kill -0 $importing
pull library/big:"$(curl -sf --user "admin:$password" "$url/v2/library/big/tags/list?n=1" | jq -r '.tags[0]')"
wait $importing
equal 20000 "$(tags_of library/big)"
