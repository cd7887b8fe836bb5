#!/usr/bin/env bash
# From an offline package to pushed images over HTTPS: install.sh, the web page, docker, skopeo, podman, service logs.
. "$(dirname "$0")/lib/namespace.sh"
. "$(dirname "$0")/lib/e2e.sh"
. "$e2e/lib/docker.sh"
. "$e2e/lib/browser.sh"
. "$e2e/lib/deployment.sh"

start_host

scenario "without a harbor.cfg, the installer puts an example there and says what to set"
unpack
refuses "$folder/install.sh"
contains "$out" "set hostname"
[ -f "$folder/harbor.cfg" ]

scenario "as the example stands, the host's name is missing"
refuses "$folder/install.sh"
contains "$out" "hostname"
contains "$out" "reg.mydomain.com"
[ ! -e "$folder/.env" ]

scenario "with a name and the protocol it installs, and every container is healthy within a minute"
configure "hostname = $host" "ui_url_protocol = https" "log_rotate_size = 1M"
from=$SECONDS
install_harbor >"$work/installed" 2>&1 || { cat "$work/installed"; false; }
below 60 $((SECONDS - from))
contains "$(cat "$work/installed")" "Harbor has been installed and started successfully."
contains "$(cat "$work/installed")" "https://$host"
contains "$(cat "$work/installed")" "/etc/docker/certs.d/$host/ca.crt"
all_healthy

scenario "docker-compose ps shows every service up and healthy"
compose ps | tee "$work/ps"
for container in "${containers[@]}"; do contains "$(grep "$container" "$work/ps")" "(healthy)"; done

scenario "nothing but the proxy and the collector can be reached from outside"
refuses curl --max-time 3 http://127.0.0.1:5000/
refuses curl --max-time 3 http://127.0.0.1:8080/
equal "" "$(docker ps --format '{{.Names}} {{.Ports}}' | grep -v '^nginx' | grep -e '->' || true)"

scenario "containers run as nobody in particular, on a read-only system, without capabilities"
for container in registry harbor-token harbor-ui harbor-jobservice nginx; do
    equal "10000:10000 true [ALL] []" \
        "$(docker inspect --format '{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.CapAdd}}' "$container")"
done
refuses docker exec registry /bin/sh -c true

scenario "the database lets in the services and itself, and no second server touches its files"
database=$(docker inspect --format '{{.Config.Image}}' harbor-db)
shared() { docker run --rm --network none --read-only --tmpfs /tmp --volumes-from harbor-db "$@"; }
select_1() {
    shared --user "$1" --entrypoint /usr/lib/postgresql/bin/psql "$database" --host /run/postgresql --username postgres \
        --tuples-only --no-align --command 'SELECT 1' registry
}
equal 1 "$(select_1 10000:10000)"
equal 1 "$(select_1 999:999)"
refuses select_1 10001:10000
contains "$out" "peer authentication failed"
refuses select_1 10001:10001
contains "$out" "permission denied"
refuses shared --user 999:999 "$database"
contains "$out" "another PostgreSQL serves this directory"
all_healthy

scenario "port 80 sends browsers to 443"
http 301 "http://$host/projects?page=2"
equal "https://$host/projects?page=2" "$(header location)"

scenario "an administrator signs in on the page and makes a project"
open_browser --ignore-certificate-errors
sign_in "$url" "$password"
visit "$url/projects/-/new"
fill 'form.body input[name="name"]' team
press 'form.body button.primary'
picture project
contains "$(address)" "team"
equal team "$(api GET /projects/team | jq -r .name)"
close_browser

scenario "docker trusts the certificate as the installation said, logs in, pushes and pulls"
refuses docker login --username admin --password wrong "$registry"
docker_login
push_pull team/hello:1
push_pull library/hello:1

scenario "a large layer comes back as it went"
head -c 150M /dev/urandom >"$work/large"
mkdir -p "$work/layer" && mv "$work/large" "$work/layer/large"
printf 'FROM scratch\nCOPY large /large\n' | docker_build "$work/layer" "$registry/team/large:1"
docker push "$registry/team/large:1"
docker image rm "$registry/team/large:1"
docker pull "$registry/team/large:1"
container=$(docker create "$registry/team/large:1" /none)
docker cp "$container:/large" "$work/came"
docker rm "$container"
cmp "$work/layer/large" "$work/came"
rm "$work/came"

scenario "skopeo and podman push and pull with the same certificate"
skopeo copy --dest-cert-dir "/etc/docker/certs.d/$registry" --dest-creds "admin:$password" \
    "docker-daemon:$registry/team/hello:1" "docker://$registry/team/skopeo:1" 2>&1 || skopeo_from_registry=yes
if [ "${skopeo_from_registry-}" = yes ]; then
    skopeo copy --src-cert-dir "/etc/docker/certs.d/$registry" --src-creds "admin:$password" \
        --dest-cert-dir "/etc/docker/certs.d/$registry" --dest-creds "admin:$password" \
        "docker://$registry/team/hello:1" "docker://$registry/team/skopeo:1"
fi
skopeo inspect --cert-dir "/etc/docker/certs.d/$registry" --creds "admin:$password" "docker://$registry/team/skopeo:1" | jq -r .Digest
stores=(--root "$work/containers" --runroot "$work/containers-run" --storage-driver vfs)
podman "${stores[@]}" login --cert-dir "/etc/docker/certs.d/$registry" --username admin --password "$password" "$registry"
podman "${stores[@]}" pull --cert-dir "/etc/docker/certs.d/$registry" "$registry/team/skopeo:1"
podman "${stores[@]}" tag "$registry/team/skopeo:1" "$registry/team/podman:1"
podman "${stores[@]}" push --cert-dir "/etc/docker/certs.d/$registry" "$registry/team/podman:1"

scenario "every service has its log, and one request is found in each that it passed"
id=$(curl -sS -o /dev/null -D - --user "admin:$password" "$url/v2/team/hello/tags/list" | tr -d '\r' | sed -n 's/^x-request-id: //Ip')
[ -n "$id" ]
for service in proxy registry; do within 10 logged "$service" "$id"; done
id=$(curl -sS -o /dev/null -D - --user "admin:$password" "$url/service/token?service=harbor-registry" | tr -d '\r' | sed -n 's/^x-request-id: //Ip')
for service in proxy token; do within 10 logged "$service" "$id"; done
id=$(curl -sS -o /dev/null -D - "$url/api/v2.0/systeminfo" | tr -d '\r' | sed -n 's/^x-request-id: //Ip')
for service in proxy ui; do within 10 logged "$service" "$id"; done
for service in jobservice db; do [ -s "$service_logs/$service.log" ]; done

scenario "a burst of 100 000 lines loses none, and is rotated"
docker run --rm --network none --log-driver syslog --log-opt syslog-address=udp://127.0.0.1:1514 --log-opt tag=burst \
    --entrypoint /usr/bin/sh harbor-db:"$(sed -n 's/^version=//p' "$folder/deploy/release")" -c 'i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); echo "line $i of the burst"; done'
all_lines() { cat "$service_logs"/burst.log; gzip --decompress --stdout "$service_logs"/burst.log.*.gz; }
every_line() { [ "$(all_lines | grep -c 'of the burst')" -eq 100000 ]; }
within 30 every_line
equal 100000 "$(all_lines | sed -n 's/.*line \([0-9]*\) of the burst.*/\1/p' | sort -n | uniq | wc -l)"
[ "$(find "$service_logs" -name 'burst.log.*.gz' | wc -l)" -ge 3 ]

scenario "running the installer again is an upgrade that loses nothing"
"$folder/install.sh"
answers
docker pull "$registry/team/hello:1"

scenario "the image alone is a registry, and the program in it is called as that of registry:2"
docker network create alone
mkdir "$work/alone"
docker run --detach --name alone --network alone --publish 5000:5000 --volume "$work/alone:/var/lib/registry" \
    "harbor:$(sed -n 's/^version=//p' "$folder/deploy/release")"
alone_answers() { curl -sf -o /dev/null --max-time 2 http://127.0.0.1:5000/v2/; }
within 20 alone_answers
small_image 127.0.0.1:5000/hello:1
docker push 127.0.0.1:5000/hello:1
docker image rm 127.0.0.1:5000/hello:1
docker restart alone
within 20 alone_answers
docker pull 127.0.0.1:5000/hello:1
contains "$(docker exec alone registry garbage-collect --delete-untagged)" "hello: marking manifest sha256:"
[ -d "$work/alone/objects" ]
