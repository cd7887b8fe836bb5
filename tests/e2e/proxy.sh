#!/usr/bin/env bash
# The platform behind its own front, over HTTP and HTTPS, and behind real nginx with the same file.
. "$(dirname "$0")/lib/e2e.sh"

start_server --trusted-proxies 127.0.0.1
service_port=$port
image "$work/layout" v1 --layers 3 --layer-kib 4096
templates=$root/deploy/templates/proxy
http_port=$(free_port) https_port=$(free_port)
# The pages of the front; `api` and others of e2e.sh go to $url.
front=127.0.0.1:$http_port

# rendered TEMPLATE: as `prepare` does it without outer proxies and shared objects, with everything on this machine.
rendered() {
    python3 - "$templates/$1" "$service_port" "$http_port" "$https_port" "$work" <<'PYTHON'
import re, sys
path, service, http, https, work = sys.argv[1:]
text = open(path).read()
text = re.sub(r"\{% for registry .*?%\}(.*?)\{% endfor %\}", r"\1", text, flags=re.S).replace("{{ registry }}", "registry")
text = re.sub(r"\{% for .*?\{% endfor %\}\n?", "", text, flags=re.S)
text = re.sub(r"\{% if accel %\}.*?\{% endif %\}\n?", "", text, flags=re.S)
text = re.sub(r"\{% if .*?%\}(.*?)\{% endif %\}", r"\1", text)
text = text.replace("{{ external_https_port }}", https)
text = text.replace("{{ ssl_certificate }}", f"{work}/server.crt")
text = text.replace("{{ ssl_certificate_key }}", f"{work}/server.key")
text = re.sub(r"(registry:5000|token:8080|ui:8080)", f"127.0.0.1:{service}", text)
text = text.replace("listen 80;", f"listen 127.0.0.1:{http};").replace("listen 443 ", f"listen 127.0.0.1:{https} ")
assert "{{" not in text and "{%" not in text, text
print(f"pid {work}/nginx.pid;", text.replace("/dev/stdout", f"{work}/access.log"), sep="\n", end="")
PYTHON
}

make_certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$1" \
        -addext "subjectAltName=IP:127.0.0.1,DNS:localhost" -keyout "$work/server.key" -out "$work/server.crt"
}

proxy=''
start_proxy() {
    rendered "$1" >"$work/nginx.conf"
    "$binary" proxy --config "$work/nginx.conf" --check
    "$binary" proxy --config "$work/nginx.conf" >>"$work/proxy.log" 2>&1 3>&- &
    proxy=$!
    within 10 curl -s -o /dev/null "http://$front/"
}
stop_proxy() {
    [ -z "$proxy" ] || { kill -TERM "$proxy" && wait "$proxy"; }
    proxy=''
}
on_exit stop_proxy

# goes_through REGISTRY NAME SKOPEO-OPTION..: an image goes up and comes back the same.
goes_through() {
    local there=docker://$1/library/$2:v1
    skopeo copy "${@:3}" --dest-creds "admin:$password" "oci:$work/layout:v1" "$there"
    rm -rf "$work/came" "$work/sent"
    skopeo copy "${@:3}" --src-creds "admin:$password" "$there" dir:"$work/came"
    skopeo copy "oci:$work/layout:v1" dir:"$work/sent"
    diff --recursive "$work/sent" "$work/came"
}

scenario "images go through the front over HTTP"
make_certificate one
start_proxy nginx.http.conf
goes_through "$front" http --src-tls-verify=false --dest-tls-verify=false

scenario "the challenge and the Location of an upload name the front"
http 401 "http://$front/v2/"
contains "$(header www-authenticate)" "realm=\"http://$front/service/token\""
pushing=$(curl -sS --user "admin:$password" \
    "http://$front/service/token?service=$(service)&scope=repository:library/http:pull,push" | jq -r .token)
http 202 --request POST --header "Authorization: Bearer $pushing" "http://$front/v2/library/http/blobs/uploads/"
location=$(header location)
case $location in http*) contains "$location" "http://$front/" ;; esac

scenario "a part of a blob is that part"
digest=$(jq -r '.layers[0].digest' "$work/came/manifest.json")
http 206 --header "Authorization: Bearer $pushing" --header 'Range: bytes=100-199' \
    "http://$front/v2/library/http/blobs/$digest"
equal "$(tail -c +101 "$work/came/${digest#sha256:}" | head -c 100 | sha256sum)" "$(sha256sum <"$work/body")"

scenario "the id of a request is in the answer and in the line of the front"
http 200 "http://$front/api/v2.0/health"
id=$(header x-request-id)
equal 32 ${#id}
within 5 grep -q "$id" "$work/access.log"

scenario "reloads under load fail no request"
cat >"$work/load.sh" <<'LOAD'
for _ in $(seq 150); do
    curl -sS -o /dev/null -o /dev/null --max-time 10 -w '%{http_code}\n' "$1/api/v2.0/health" "$1/api/v2.0/systeminfo" || echo "failed: $?"
done
LOAD
loads=()
for number in 1 2 3; do
    bash "$work/load.sh" "http://$front" >"$work/load.$number" 2>&1 & loads+=($!)
done
for round in $(seq 20); do
    sed -i "s/keepalive_timeout .*s;/keepalive_timeout $((60 + round))s;/" "$work/nginx.conf"
    kill -HUP "$proxy"
    sleep 0.1
done
wait "${loads[@]}"
equal "200" "$(sort -u "$work"/load.? | tr '\n' ' ' | sed 's/ $//')"
contains "$(tail -n 5 "$work/proxy.log")" "read again"

scenario "a file with a mistake is refused with its place, and the old one stays"
cp "$work/nginx.conf" "$work/good.conf"
sed -i 's/proxy_buffering/proxy_bufering/' "$work/nginx.conf"
refuses "$binary" proxy --config "$work/nginx.conf" --check
contains "$out" "did you mean \`proxy_buffering\`?"
kill -HUP "$proxy"
within 5 grep -q "unknown directive .proxy_bufering." "$work/proxy.log"
http 200 "http://$front/api/v2.0/health"
stop_proxy

scenario "images go through the front over HTTPS, and HTTP leads there"
start_proxy nginx.https.conf
goes_through "127.0.0.1:$https_port" https --src-tls-verify=false --dest-tls-verify=false
http 301 "http://$front/harbor/projects?x=1"
equal "https://127.0.0.1:$https_port/harbor/projects?x=1" "$(header location)"
http 401 --cacert "$work/server.crt" "https://127.0.0.1:$https_port/v2/"
contains "$(header www-authenticate)" "realm=\"https://127.0.0.1:$https_port/service/token\""
equal 2 "$(curl -sS --cacert "$work/server.crt" -o /dev/null -w '%{http_version}' "https://127.0.0.1:$https_port/")"

scenario "a new certificate is served after SIGHUP"
make_certificate two
kill -HUP "$proxy"
has_new_name() { openssl s_client -connect "127.0.0.1:$https_port" </dev/null 2>&1 | grep -q 'CN *= *two'; }
within 5 has_new_name
stop_proxy

scenario "real nginx serves the same platform with the same file"
rendered nginx.http.conf >"$work/nginx.conf"
nginx -e "$work/nginx.error" -c "$work/nginx.conf" 3>&-
stop_nginx() { [ ! -e "$work/nginx.pid" ] || kill -QUIT "$(cat "$work/nginx.pid")"; }
on_exit stop_nginx
within 5 curl -s -o /dev/null "http://$front/"
goes_through "$front" nginx --src-tls-verify=false --dest-tls-verify=false
http 401 "http://$front/v2/"
contains "$(header www-authenticate)" "realm=\"http://$front/service/token\""
stop_nginx
within 5 refuses curl -s -o /dev/null "http://$front/"

scenario "a platform that is away is told in the words of each client"
start_proxy nginx.http.conf
stop_server
http 502 "http://$front/v2/"
equal UNAVAILABLE "$(jq -r '.errors[0].code' <<<"$body")"
id=$(header x-request-id)
equal 32 ${#id}
http 502 "http://$front/api/v2.0/projects"
equal UNKNOWN "$(jq -r '.errors[0].code' <<<"$body")"
http 502 "http://$front/harbor/projects"
contains "$(header content-type)" text/html

scenario "and is found again when it is back"
port=$service_port
start_server --trusted-proxies 127.0.0.1
http 200 "http://$front/api/v2.0/health"
