#!/usr/bin/env bash
# The commit before this one installed and used, upgraded to this one; a backup of it, restored on an empty host.
. "$(dirname "$0")/lib/namespace.sh"
. "$(dirname "$0")/lib/e2e.sh"
. "$e2e/lib/docker.sh"
. "$e2e/lib/deployment.sh"

earlier=$(find "$root/target/package/previous" -name 'harbor-offline-installer-*.tgz' | sort -V | tail -n 1)

echo "{\"insecure-registries\": [\"$host\"]}" >/etc/docker/daemon.json
start_host

scenario "the earlier version is installed and used"
unpack "$earlier"
configure "hostname = $host"
install_harbor
docker_login
push_pull library/old:1
make_project team
make_user alice
make_member team alice 2
docker tag "$registry/library/old:1" "$registry/team/old:1"
docker push "$registry/team/old:1"
kept=$password

scenario "this version is unpacked over it and installed: an upgrade that keeps harbor.cfg, images, people and passwords"
unpack
grep --quiet "^hostname = $host" "$folder/harbor.cfg"
"$folder/install.sh"
look_around
equal "$kept" "$password"
docker pull "$registry/team/old:1"
equal alice "$(curl -sf --user "alice:$secret" "$url/api/v2.0/users/current" | jq -r .username)"
push_pull library/new:1

scenario "a backup is made while clients push"
python3 "$e2e/lib/pusher.py" keep "$url" "$password" "$work/pushed" &
pusher=$!
on_exit "kill -KILL $pusher"
some() { [ "$(wc -l <"$work/pushed")" -ge 20 ]; }
within 60 some
head -n 20 "$work/pushed" >"$work/before"
# As docs/backup.md has it for docker-compose; so is the restore below.
compose exec -T jobservice /harbor backup --config /etc/harbor/config.yml --to - >"$work/backup.tar"
kill -INT $pusher
wait $pusher
report "        $(wc -l <"$work/pushed") images were pushed, the backup has $(($(stat --format %s "$work/backup.tar") / 1024 / 1024)) MiB"

scenario "it is restored on an empty host"
compose down -v
rm -r "$data" "$service_logs"
"$folder/prepare"
compose up -d log db
compose run --rm --no-deps -T jobservice restore --config /etc/harbor/config.yml --from - <"$work/backup.tar"
compose up -d
within 60 answers
# The people of the backup, with their passwords; what prepare made for a new installation is not used.
password=$kept
docker_login
docker image rm "$registry/team/old:1" "$registry/library/new:1"
docker pull "$registry/team/old:1"
docker pull "$registry/library/new:1"
equal 20 "$(python3 "$e2e/lib/pusher.py" check "$url" "$password" "$work/before")"
equal alice "$(curl -sf --user "alice:$secret" "$url/api/v2.0/users/current" | jq -r .username)"
push_pull library/after:1

scenario "a second restore is refused: the host is not empty"
refuses compose run --rm --no-deps -T jobservice restore --config /etc/harbor/config.yml --from - <"$work/backup.tar"
contains "$out" "empty"
