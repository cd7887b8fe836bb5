#!/usr/bin/env bash
# A disk that fills up: pushes fail and say why, pulls go on, and everything works again once there is room.
. "$(dirname "$0")/lib/e2e.sh"

# A refused write is an error that the operator must read.
errors_expected=yes
disk=$work/disk
mkdir "$disk"
mount -t tmpfs -o size=96m,mode=0700 tmpfs "$disk"
on_exit "umount --lazy $disk"
data=$disk/data

image "$work/layout" small --layers 2 --layer-kib 512
image "$work/layout" big --layers 1 --layer-kib 30000 --seed big
start_server
skopeo login --tls-verify=false --username admin --password "$password" "$registry"
skopeo copy --dest-tls-verify=false "oci:$work/layout:small" "docker://$registry/library/disk:small"

# fill: takes all room but a little; what a neighbour's log file does. `cat` fails when the disk is full.
fill() { cat /dev/zero >"$disk/neighbour" || true; }

scenario "on a disk that is nearly full a blob that will not fit is refused before it is sent"
head -c 50000000 /dev/zero >"$disk/neighbour"
head -c 60000000 /dev/zero >"$work/large"
token=$(bearer repository:library/disk:pull,push admin "$password")
http 202 --request POST --header "Authorization: Bearer $token" "$url/v2/library/disk/blobs/uploads/"
location=$(absolute "$(header location)")
answer=$(curl -sS --request PUT --header "Authorization: Bearer $token" --header 'Expect: 100-continue' \
    --header 'Content-Type: application/octet-stream' --upload-file "$work/large" --output "$work/body" \
    --write-out '%{http_code} %{size_upload}' "$location$(joint "$location")digest=$(digest_of "$work/large")" || true)
contains "$(cat "$work/body")" DENIED
contains "$(cat "$work/body")" "storage is full"
equal 403 "${answer% *}"
below 30000000 "${answer#* }"
rm "$disk/neighbour"

scenario "on a full disk a push fails and says so"
fill
refuses skopeo copy --dest-tls-verify=false "oci:$work/layout:big" "docker://$registry/library/disk:big"
is_ready_or_gone
kill -0 "$server"

scenario "meanwhile pulls go on"
skopeo copy --src-tls-verify=false "docker://$registry/library/disk:small" dir:"$work/small"
equal 2 "$(jq '.layers | length' "$work/small/manifest.json")"

scenario "a start on a full disk is refused with the reason"
stop_server
refuses timeout 10 "$binary" serve --listen "$registry" --data "$data"
contains "$out" "full"
contains "$out" "--data"

scenario "with room again everything is there, and pushes succeed"
rm "$disk/neighbour"
start_server
skopeo copy --dest-tls-verify=false "oci:$work/layout:big" "docker://$registry/library/disk:big"
skopeo copy --src-tls-verify=false "docker://$registry/library/disk:big" dir:"$work/big"
skopeo copy --src-tls-verify=false "docker://$registry/library/disk:small" dir:"$work/small2"
diff --recursive "$work/small" "$work/small2"

scenario "room that comes back while it runs is used without a restart"
fill
image "$work/layout" more --layers 1 --layer-kib 20000 --seed more
refuses skopeo copy --dest-tls-verify=false "oci:$work/layout:more" "docker://$registry/library/disk:more"
rm "$disk/neighbour"
skopeo copy --dest-tls-verify=false "oci:$work/layout:more" "docker://$registry/library/disk:more"
