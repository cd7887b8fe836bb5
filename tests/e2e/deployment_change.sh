#!/usr/bin/env bash
# Changing harbor.cfg: another port and protocol on the old images, mistakes that change nothing, a clean slate.
. "$(dirname "$0")/lib/namespace.sh"
. "$(dirname "$0")/lib/e2e.sh"
. "$e2e/lib/docker.sh"
. "$e2e/lib/deployment.sh"

# prepared: a digest over everything that prepare writes.
prepared() { (cd "$folder" && find config .env "$data/secret" "$data/secretkey" "$data/cert" -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum); }

# mistaken LINE PART..: this line more in harbor.cfg is refused, every part is said, and nothing is changed.
mistaken() {
    local before part
    before=$(prepared)
    configure "hostname = $host" "ui_url_protocol = https" "$1"
    refuses "$folder/prepare"
    for part in "harbor.cfg:" "${@:2}"; do contains "$out" "$part"; done
    equal "$before" "$(prepared)"
}

echo "{\"insecure-registries\": [\"$host:8080\"]}" >/etc/docker/daemon.json
start_host
unpack
configure "hostname = $host" "ui_url_protocol = https"
install_harbor
docker_login
push_pull library/kept:1

scenario "mistakes are refused with line and remedy, and what runs goes on"
mistaken "ui_url_protocl = http" ui_url_protocl ui_url_protocol
mistaken "http_port = 70000" http_port 70000
mistaken "log_rotate_size = 5 apples" log_rotate_size
mistaken "self_registration = perhaps" self_registration
mistaken "auth_mode = ldap_auth" auth_mode ldap_auth
mistaken "db_password" "="
mistaken "ssl_cert = /nowhere/server.crt" ssl_cert_key "set both"
mistaken "trusted_proxies = 10.0.0.0/99" trusted_proxies
mistaken "harbor_admin_password = short" harbor_admin_password
configure "hostname = localhost" "http_port = x"
before=$(prepared)
refuses "$folder/prepare"
contains "$out" localhost
contains "$out" http_port
equal "$before" "$(prepared)"
configure "hostname = $host" "ui_url_protocol = https"
answers

scenario "preparing again changes no secret and no certificate"
"$folder/prepare"
equal "$before" "$(prepared)"

scenario "another protocol and port: down -v, prepare, up -d, and the old images are there"
compose down -v
configure "hostname = $host" "ui_url_protocol = http" "http_port = 8080"
"$folder/prepare"
compose up -d
unset CURL_CA_BUNDLE
look_around
equal "http://$host:8080" "$url"
within 60 answers
refuses curl --max-time 3 --insecure "https://$host/"
docker_login
docker pull "$registry/library/kept:1"
push_pull library/more:1

scenario "up -d after prepare is enough: containers of an older configuration are replaced"
configure "hostname = $host" "http_port = 8080" "log_level = debug"
"$folder/prepare"
compose up -d
within 60 answers
within 10 logged registry DEBUG

scenario "a changed database password is one in the database as well"
configure "hostname = $host" "http_port = 8080" "db_password = an0ther_secret"
"$folder/prepare"
compose up -d
within 60 answers
docker pull "$registry/library/more:1"

scenario "the proxy takes a changed configuration at SIGHUP, and keeps the old one if the new is wrong"
sed -i 's/client_max_body_size 0;/client_max_body_size 1k;/' "$folder/config/proxy/nginx.conf"
docker kill --signal HUP nginx
too_large() { [ "$(head -c 5000 /dev/zero | curl -s -o /dev/null -w '%{http_code}' --data-binary @- "$url/api/v2.0/projects")" = 413 ]; }
within 10 too_large
echo 'nonsense on;' >>"$folder/config/proxy/nginx.conf"
docker kill --signal HUP nginx
within 10 logged proxy nonsense
answers

scenario "a clean slate: data removed, installed again"
compose down -v
rm -r "$data/database" "$data/registry"
configure "hostname = $host" "http_port = 8080"
install_harbor
docker_login
refuses docker pull "$registry/library/kept:1"
push_pull library/new:1
