#!/usr/bin/env bash
# Living with it: stop and start, a killed container after the other under load, a restarted daemon, a lost machine.
. "$(dirname "$0")/lib/namespace.sh"
. "$(dirname "$0")/lib/e2e.sh"
. "$e2e/lib/docker.sh"
. "$e2e/lib/browser.sh"
. "$e2e/lib/deployment.sh"

echo "{\"insecure-registries\": [\"$host\"]}" >/etc/docker/daemon.json
start_host
unpack
configure "hostname = $host"
install_harbor
docker_login

scenario "images and a browser's session outlive stop and start, which take less than 15 s"
push_pull library/before:1
open_browser
sign_in "$url" "$password"
compose stop
equal "" "$(docker ps --quiet)"
compose start
from=$SECONDS
within 15 answers
report "        answering $((SECONDS - from)) s after start"
visit "$url/account"
contains "$(address)" "/account"
contains "$(page_text)" "admin"
close_browser
docker image rm "$registry/library/before:1"
docker pull "$registry/library/before:1"

scenario "the key that signs tokens is exchanged, and no client notices"
docker image rm "$registry/library/before:1"
compose exec -T token /harbor rotate-keys --config /etc/harbor/config.yml
docker_login
docker pull "$registry/library/before:1"

scenario "each container is killed under load: it comes back, and nothing acknowledged is lost"
keep_pushing
for container in "${containers[@]}"; do
    kill_container "$container"
    within 30 answers
    within 30 goes_on "$(wc -l <"$work/pushed")"
done
stop_pushing
within 60 all_healthy

scenario "a restarted Docker daemon brings everything back by itself"
kill "$docker_daemon_pid" && wait "$docker_daemon_pid"
boot
within 60 answers
within 60 all_healthy
check_pushed

scenario "so does a machine that lost its power"
mapfile -t pids < <(docker ps --quiet | xargs docker inspect --format '{{.State.Pid}}')
kill -KILL "$docker_daemon_pid"
wait "$docker_daemon_pid" || true
pkill -KILL -f "$work/docker-exec" || true
kill -KILL "${pids[@]}" || true
sleep 1
# Neither mounts nor /run outlive that.
forget_mounts
rm -rf "$work/docker-exec" "$work/docker.pid"
boot
within 60 answers
within 60 all_healthy
check_pushed
push_pull library/after:1

scenario "the password of admin is lost, and whoever has the host makes another one"
compose exec -T ui /harbor reset-password --config /etc/harbor/config.yml | tee "$work/reset"
refuses docker_login
password=$(sed -n 's/^The password of admin is now //p' "$work/reset" | tr -d '\r')
docker_login
push_pull library/after:2
