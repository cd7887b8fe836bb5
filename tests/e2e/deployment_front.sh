#!/usr/bin/env bash
# What stands in front: an outer nginx that ends TLS, and real nginx in place of ours with the same file.
. "$(dirname "$0")/lib/namespace.sh"
. "$(dirname "$0")/lib/e2e.sh"
. "$e2e/lib/docker.sh"
. "$e2e/lib/browser.sh"
. "$e2e/lib/deployment.sh"

outer=registry.$host:8443
printf '127.0.0.1 registry.%s\n' "$host" >>"$work/hosts"

# As the guide of Harbor shows it, for a TLS proxy in front.
start_outer() {
    mkdir -p "$work/outer"
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=registry.$host" -addext "subjectAltName=DNS:registry.$host" \
        -keyout "$work/outer/key.pem" -out "$work/outer/cert.pem"
    mkdir -p "/etc/docker/certs.d/$outer"
    cp "$work/outer/cert.pem" "/etc/docker/certs.d/$outer/ca.crt"
    cat >"$work/outer/nginx.conf" <<CONF
pid $work/outer/pid;
error_log $work/outer/error.log;
events {}
http {
    access_log off;
    client_body_temp_path $work/outer/body;
    proxy_temp_path $work/outer/proxy;
    fastcgi_temp_path $work/outer/f; uwsgi_temp_path $work/outer/u; scgi_temp_path $work/outer/s;
    server {
        listen 8443 ssl;
        server_name registry.$host;
        ssl_certificate $work/outer/cert.pem;
        ssl_certificate_key $work/outer/key.pem;
        client_max_body_size 0;
        location / {
            proxy_pass http://127.0.0.1:80;
            proxy_http_version 1.1;
            proxy_set_header Host \$http_host;
            proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto \$scheme;
            proxy_buffering off;
            proxy_request_buffering off;
        }
    }
}
CONF
    nginx -c "$work/outer/nginx.conf" 3>&-
    on_exit stop_outer
}

stop_outer() { nginx -c "$work/outer/nginx.conf" -s stop; }

# outer_works NAME: everything through the outer proxy: challenge and Location say https and the outer port, docker pushes.
outer_works() {
    local url=https://$outer registry=$outer
    export CURL_CA_BUNDLE=$work/outer/cert.pem
    contains "$(curl -sSI "$url/v2/")" "realm=\"https://$outer/service/token\""
    http 202 --user "admin:$password" --request POST "$url/v2/$1/blobs/uploads/"
    case $(header location) in
        /v2/* | "https://$outer/v2/"*) ;;
        *) broken "an upload continues at $(header location)" ;;
    esac
    docker_login
    push_pull "$1:1"
    unset CURL_CA_BUNDLE
}

echo "{\"insecure-registries\": [\"$host\"]}" >/etc/docker/daemon.json
start_host
unpack
configure "hostname = $host" "trusted_proxies = 10.213.0.0/16"
install_harbor
start_outer

scenario "behind an outer proxy that is trusted: pushes, pulls and pages on its name and port"
outer_works library/outer
open_browser --ignore-certificate-errors
sign_in "https://$outer" "$password"
visit "https://$outer/account"
contains "$(address)" "https://$outer/account"
close_browser

scenario "the address of the client is the one that the outer proxy saw"
curl -sk -o /dev/null "https://$outer/api/v2.0/ping"
within 10 logged proxy 127.0.0.1

scenario "from a stranger the same headers are just text"
configure "hostname = $host"
"$folder/prepare"
compose up -d
within 60 answers
contains "$(curl -sSI --header 'X-Forwarded-Proto: https' --header 'X-Forwarded-Host: evil.example' "$url/v2/")" "realm=\"http://$host/service/token\""

scenario "as the guide of Harbor says: without the X-Forwarded-Proto lines of the template it is believed"
cp "$folder/deploy/templates/proxy/nginx.http.conf" "$work/template"
sed -i '/proxy_set_header X-Forwarded-Proto/d' "$folder/deploy/templates/proxy/nginx.http.conf"
"$folder/prepare"
compose up -d
within 60 answers
outer_works library/guide
cp "$work/template" "$folder/deploy/templates/proxy/nginx.http.conf"

scenario "an external URL in harbor.cfg decides alone"
configure "hostname = $host" "external_url = https://$outer"
"$folder/prepare"
compose up -d
within 60 answers
outer_works library/external

# Debian's nginx, of this machine, in the container of the proxy.
cat >"$folder/docker-compose.override.yml" <<'YAML'
services:
  proxy:
    image: harbor-db:${HARBOR_VERSION}
    entrypoint: [/usr/sbin/nginx, -g, "daemon off;", -e, /dev/stderr]
    command: []
    volumes: ["/usr:/usr:ro"]
    tmpfs: ["/var/lib/nginx:uid=10000,gid=10000", "/var/log/nginx:uid=10000,gid=10000", "/run:uid=10000,gid=10000"]
    healthcheck: {test: [CMD, /usr/bin/true]}
YAML

scenario "real nginx serves the same platform with the file of ours"
configure "hostname = $host" "ui_url_protocol = https"
"$folder/prepare"
compose up -d
look_around
within 60 answers
contains "$(docker exec nginx /usr/sbin/nginx -v 2>&1)" "nginx/"
docker_login
push_pull library/nginx:1
head -c 30M /dev/urandom >"$work/large"
mkdir -p "$work/layer" && mv "$work/large" "$work/layer/large"
printf 'FROM scratch\nCOPY large /large\n' | docker_build "$work/layer" "$registry/library/large:1"
docker push "$registry/library/large:1"
docker image rm "$registry/library/large:1"
docker pull "$registry/library/large:1"
digest=$(skopeo inspect --raw --cert-dir "/etc/docker/certs.d/$registry" --creds "admin:$password" "docker://$registry/library/large:1" | jq -r '.layers[0].digest')
token=$(bearer repository:library/large:pull admin "$password")
http 206 --header "Authorization: Bearer $token" --header 'Range: bytes=1000000-1000999' "$url/v2/library/large/blobs/$digest"
equal 1000 "$(stat --format %s "$work/body")"
equal "$digest" "$(header docker-content-digest)"
http 200 --header "Authorization: Bearer $token" "$url/v2/library/large/blobs/$digest"
equal "$digest" "$(digest_of "$work/body")"
open_browser --ignore-certificate-errors
sign_in "$url" "$password"
visit "$url/account"
contains "$(address)" "/account"
close_browser
