#!/usr/bin/env bash
# install.sh itself: it builds, starts, and refuses what it does not understand.
. "$(dirname "$0")/lib/e2e.sh"

# Cargo and rustup live in the caller's home.
export HOME=$callers_home
port=$(free_port)
registry=127.0.0.1:$port
url=http://$registry

scenario "options of the one way to run are refused with the other"
refuses "$root/install.sh" --port 8080
contains "$out" "--port belongs to --standalone"
refuses "$root/install.sh" --standalone --conf harbor.cfg
contains "$out" "--conf"
refuses "$root/install.sh" --with-notary
contains "$out" "not in this version"

scenario "without a Docker daemon it says what to do"
cp -r "$root/install.sh" "$root/deploy" "$root/harbor.cfg.example" "$root/Cargo.toml" "$work/"
cp "$root/harbor.cfg.example" "$work/harbor.cfg"
refuses env DOCKER_HOST=unix:///nowhere "$work/install.sh"
contains "$out" "daemon does not answer"
contains "$out" "start it"

scenario "what it does not know it refuses, with its usage"
refuses "$root/install.sh" --standalone --prot 8080
contains "$out" "--prot"
contains "$out" "Usage:"
refuses "$root/install.sh" --standalone --port 80800
refuses "$root/install.sh" --standalone --port
refuses "$root/install.sh" --standalone --cert "$work/absent.pem"
contains "$out" "--key"
contains "$("$root/install.sh" --help)" "--data"

scenario "it starts a server that can be logged in to"
"$root/install.sh" --standalone --port "$port" --data "$data" >"$work/server.log" 2>&1 3>&- &
server=$!
within 1800 is_ready_or_gone
is_ready
password=$(cat "$data/admin_password")
skopeo login --tls-verify=false --username admin --password "$password" "$registry"
contains "$(cat "$work/server.log")" "docker login $registry"

scenario "Ctrl-C stops it"
stop_server

scenario "run again it starts on what is there"
"$root/install.sh" --standalone --port "$port" --data "$data" >>"$work/server.log" 2>&1 3>&- &
server=$!
within 1800 is_ready_or_gone
is_ready
skopeo login --tls-verify=false --username admin --password "$password" "$registry"
