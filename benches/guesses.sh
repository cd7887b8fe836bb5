#!/usr/bin/env bash
# How long pulls take while somebody guesses passwords: manifests are read at a fixed rate, far below what the server can
# do, first alone, then beside a flood from one host, then beside one from many, then alone again. Prints p50 and p99.
#
#   benches/guesses.sh target/release/harbor       thirty seconds of each
#   benches/guesses.sh target/debug/harbor 5
set -euo pipefail
cd "$(dirname "$0")/.."

program=${1:?PROGRAM [SECONDS]} seconds=${2:-30} rate=500
profile=release
[[ $program != */debug/* ]] || profile=dev
cargo build --quiet --locked --package benches --profile "$profile"
load=target/release/load
[ $profile = release ] || load=target/debug/load

scratch=$(mktemp -d)
cleanup() {
  [ -z "${server:-}" ] || kill "$server" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$scratch"
}
trap cleanup EXIT

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
HARBOR_ADMIN_PASSWORD=Guessed-Never-1 "$program" --log warn serve --data "$scratch/data" --listen "127.0.0.1:$port" >"$scratch/log" 2>&1 &
server=$!
until "$program" healthcheck --url "http://127.0.0.1:$port" >/dev/null 2>&1; do
  kill -0 $server || { cat "$scratch/log" >&2; exit 1; }
  sleep 0.2
done

# pulls NAME [GUESS OPTION...]: beside a flood, if options are given.
pulls() {
  local name=$1 flood=''
  shift
  if [ $# -gt 0 ]; then
    "$load" guess --target "http://127.0.0.1:$port" --seconds "$((seconds + 2))" "$@" >"$scratch/flood" &
    flood=$!
    # Its first guesses are checked; from then on it is a flood.
    sleep 1
  fi
  "$load" run --target "http://127.0.0.1:$port" --user admin --password Guessed-Never-1 --work manifest-get-tag \
    --concurrency 4 --rate $rate --seconds "$seconds" --pid $server --json "$scratch/$name" >/dev/null
  jq --raw-output --arg name "$name" \
    '"\($name): \(.operations) pulls, p50 \(.latency_ms.p50) ms, p99 \(.latency_ms.p99) ms, server \(.cost.server_cpu_seconds) s of CPU"' \
    "$scratch/$name"/*.json
  if [ -n "$flood" ]; then
    wait "$flood"
    sed 's/^/  beside /' "$scratch/flood"
  fi
}

pulls alone
pulls one-host --connections 2
pulls many-hosts --connections 8 --addresses 60000
pulls alone-again
