#!/usr/bin/env bash
# ./prepare: with the program and with the image alone, the same result; a mistake changes nothing.
. "$(dirname "$0")/lib/e2e.sh"
. "$(dirname "$0")/lib/docker.sh"

start_docker
package=$work/harbor
mkdir -p "$package/deploy" "$work/disk"
cp -a "$root"/{prepare,docker-compose.yml,harbor.cfg.example} "$package"
cp -a "$root"/deploy/{lib,templates,compose} "$package/deploy"
version=$("$binary" --version)
version=${version#harbor }
printf 'version=%s\nimages=\n' "$version" >"$package/deploy/release"
mkdir "$work/image"
cp "$binary" "$work/image/harbor"
docker_build "$work/image" "e2e-prepare:$version" <<'DOCKERFILE'
FROM scratch
COPY harbor /harbor
USER 10000:10000
ENTRYPOINT ["/harbor"]
DOCKERFILE
export HARBOR_IMAGE=e2e-prepare
# A program that somebody has installed must not be found.
PATH=$(dirname "$(command -v docker)"):/usr/sbin:/usr/bin:/sbin:/bin

# The data is behind an absolute link, which leads elsewhere in a container.
ln -s "$work/disk" "$work/link"

# configure LINE..: the example with these lines.
configure() {
    cp "$package/harbor.cfg.example" "$package/harbor.cfg"
    sed -i '/^[a-z]/d' "$package/harbor.cfg"
    printf '%s\n' "data_volume = $work/link/data" "log_location = $work/logs" "$@" >>"$package/harbor.cfg"
}

# Every file and folder with its owner and mode, and every file with its digest.
state() {
    local folders=("$package/config" "$package/.env" "$work/disk" "$work/logs")
    find "${folders[@]}" -printf '%p %U:%G %m\n' | sort
    find "${folders[@]}" -type f -exec sha256sum {} + | sort
}

scenario "the image alone prepares an installation with HTTPS, from any folder"
configure "hostname = reg.example.com:8443" "ui_url_protocol = https"
out=$(cd / && "$package/prepare")
contains "$out" "Generated configuration file: ./config/registry/config.yml"
contains "$out" "sudo mkdir -p /etc/docker/certs.d/reg.example.com:8443"
contains "$out" "The configuration files are ready, please use docker-compose to start the service."
openssl verify -x509_strict -CAfile "$work/disk/data/ca_download/ca.crt" -verify_hostname reg.example.com \
    "$package/config/proxy/cert/server.crt"
equal "0:10000 640" "$(stat -c '%u:%g %a' "$package/config/ui/config.yml")"
equal "10000:10000 750" "$(stat -c '%u:%g %a' "$work/disk/data/registry")"

scenario "the program comes to the same, and changes nothing that is there"
state >"$work/before"
mkdir "$package/bin"
cp "$binary" "$package/bin/harbor"
# With no docker to turn to.
out=$(cd "$work" && DOCKER_HOST=unix:///nowhere ./harbor/prepare)
contains "$out" "loaded secret from file: $work/link/data/secretkey"
state >"$work/after"
diff "$work/before" "$work/after"

scenario "every mistake is told at once, and nothing is changed"
configure "hostname = localhost" "ui_url_protocoll = https" "http_port = 0"
refuses "$package/prepare"
contains "$out" "3 mistakes, nothing was changed"
contains "$out" "is it ui_url_protocol that is meant?"
state >"$work/after"
diff "$work/before" "$work/after"
rm -r "${package:?}/bin"
refuses "$package/prepare"
contains "$out" "3 mistakes, nothing was changed"
state >"$work/after"
diff "$work/before" "$work/after"

scenario "options are passed on, and their paths are those of where it was started"
configure "hostname = reg.example.com"
mv "$package/harbor.cfg" "$work/other.cfg"
out=$(cd "$work" && ./harbor/prepare --conf other.cfg --output "$work/elsewhere")
contains "$out" "Generated configuration file: $work/elsewhere/proxy/nginx.conf"
refuses "$package/prepare" --with-notary
contains "$out" "is not part of this version"

scenario "without the program and the image it says what to do"
HARBOR_IMAGE=e2e-absent refuses "$package/prepare"
contains "$out" "./install.sh loads the images"
