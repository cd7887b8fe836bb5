#!/usr/bin/env bash
# What memory the registry holds while many clients push and pull large blobs at once: peak RSS after one push, after
# CLIENTS pulls, after CLIENTS pushes, and after both at once. Needs room for CLIENTS * 1.5 * MEBIBYTES on the disk.
#
#   benches/memory.sh target/release/harbor            64 clients, 1 GiB each
#   benches/memory.sh target/release/harbor 64 150
set -euo pipefail

program=${1:?PROGRAM [CLIENTS [MEBIBYTES]]} clients=${2:-64} mebibytes=${3:-1024}

scratch=$(mktemp -d)
cleanup() {
  [ -z "${server:-}" ] || kill "$server" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$scratch"
}
trap cleanup EXIT

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$scratch/config.yml" <<CONFIG
version: 0.1
storage: {filesystem: {rootdirectory: $scratch/data}}
http: {addr: "127.0.0.1:$port"}
CONFIG
"$program" registry serve "$scratch/config.yml" >"$scratch/log" 2>&1 &
server=$! url=http://127.0.0.1:$port
until curl -fs "$url/v2/" >/dev/null; do
  kill -0 $server || { cat "$scratch/log" >&2; exit 1; }
  sleep 0.1
done
head -c "${mebibytes}M" /dev/urandom >"$scratch/blob"
digest=sha256:$(sha256sum "$scratch/blob" | cut -d' ' -f1)

# push NAME, pull NAME: one client, which must succeed.
push() {
  local location
  location=$(curl -fsS -D - -o /dev/null -X POST "$url/v2/$1/blobs/uploads/" | tr -d '\r' | sed -n 's/^location: //Ip')
  curl -fsS -o /dev/null -T "$scratch/blob" "$url$location?digest=$digest"
}
pull() {
  [ "$(curl -fsS -o /dev/null -w '%{size_download}' "$url/v2/$1/blobs/$digest")" = $((mebibytes << 20)) ]
}

# all WHAT...: the clients, each of whom is named by a line, at once.
all() {
  local what name clients_of=()
  while read -r what name; do
    "$what" "$name" &
    clients_of+=($!)
  done
  for client in "${clients_of[@]}"; do wait "$client"; done
}

told() {
  awk -v what="$1" '/^VmHWM/ { printf "%s: peak %d MiB\n", what, $2 / 1024 }' "/proc/$server/status"
}

push bench/first
told 'one push'
for _ in $(seq "$clients"); do echo pull bench/first; done | all
told "$clients pulls"
for number in $(seq "$clients"); do echo "push bench/$number"; done | all
told "$clients pushes"
for number in $(seq "$clients"); do
  echo pull bench/first
  [ $((number % 2)) = 1 ] || echo "push bench/again-$number"
done | all
told "$clients pulls beside $((clients / 2)) pushes"
