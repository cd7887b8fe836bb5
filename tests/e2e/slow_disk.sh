#!/usr/bin/env bash
# A disk that is slow to sync and to write: who pulls hardly notices, pushes are slow and right, and nothing is lost.
. "$(dirname "$0")/lib/e2e.sh"
. "$e2e/lib/disk.sh"

data=$disk/data
mount_disk
start_server
skopeo login --tls-verify=false --username admin --password "$password" "$registry"
image "$work/layout" one --layers 2 --layer-kib 256 --seed one
image "$work/layout" two --layers 2 --layer-kib 256 --seed two
push() { skopeo copy --retry-times 0 --dest-tls-verify=false "oci:$work/layout:$1" "docker://$registry/library/$2"; }
pull() { rm -rf "$work/pulled" && skopeo copy --src-tls-verify=false "docker://$registry/library/$1" dir:"$work/pulled"; }
push one app:v1
layer=$(skopeo inspect --tls-verify=false "docker://$registry/library/app:v1" | jq -r '.Layers[0]')
app="Authorization: Bearer $(bearer repository:library/app:pull admin "$password")"
http 200 --header "$app" "$url/v2/library/app/manifests/v1"

# slow SYNC [WRITE]: milliseconds.
slow() { "$disk_tool" slow "$disk" --sync-ms "$1" --write-ms "${2:-0}"; }

# quick WORD..: http, answered in less than half a second; the slowest so far is told at the end.
slowest=0
quick() {
    local began took
    began=$(now_ms)
    http "$@"
    took=$(($(now_ms) - began))
    [ $took -le $slowest ] || slowest=$took
    below 500 $took
}

scenario "while a push waits for the disk, what is there is answered at once"
slow 400
push two app:v2 3>&- &
pushing=$!
answers=0
while kill -0 $pushing 2>/dev/null; do
    quick 200 --header "$app" "$url/v2/library/app/manifests/v1"
    quick 200 --head --header "$app" "$url/v2/library/app/manifests/v1"
    quick 200 --head --header "$app" "$url/v2/library/app/blobs/$layer"
    quick 200 --header "$app" "$url/v2/library/app/blobs/$layer"
    quick 200 "$url/api/v2.0/health"
    answers=$((answers + 1))
done
wait $pushing
[ $answers -ge 10 ] || broken "the push did not wait for the disk: $answers rounds of questions"
report "        $((answers * 5)) answers meanwhile, the slowest after $slowest ms"

scenario "the slow push is there, whole"
pull app:v2

scenario "writes that are slow too: the push takes its time and is right"
image "$work/layout" three --layers 1 --layer-kib 2000 --seed three
slow 100 30
push three app:v3
is_well() { [ "$(api GET /health | jq -r .status)" = healthy ]; }
is_well
slow 0
pull app:v3

# After the cut every write fails, and the server says so.
errors_expected=yes
scenario "a power cut while the disk is slow: what was answered is there"
slow 200
python3 "$e2e/lib/writers.py" write "$url" "$password" "$work/state" 7 4 "$disk_tool" cut "$disk" "$work/left"
kill -KILL "$server"
wait "$server" || true
server=''
data=$work/left/data
start_server
pull app:v1
pull app:v2
python3 "$e2e/lib/writers.py" check "$url" "$password" "$work/state"
