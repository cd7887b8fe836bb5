#!/usr/bin/env bash
# Measures this registry, Debian's docker-registry, and docker-registry behind nginx as Harbor configures it, one
# after another on this machine, and writes benches/results.md. See benches/README.md.
#
#   benches/run.sh                       the whole suite, three rounds: about half an hour
#   benches/run.sh --quick               one short round, to see that everything works
#   benches/run.sh --rounds 5 --seconds 8
#   benches/run.sh --servers "docker-registry docker-registry-nginx"
#   benches/run.sh --works "image-push:8 blob-pull-128m:1"
#   benches/run.sh --profile image-push  records where ours spends its time instead, with perf
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=3 seconds=4 output=benches/results.md build=release profile=
servers="harbor docker-registry docker-registry-nginx"
# work:connections[:upload]. What fills the disk comes last.
works="blob-head:8 blob-pull-small:8 blob-push-small:8 image-pull:8 image-push:8 image-push:8:put
  manifest-get-tag:8 manifest-get-digest:8 manifest-head-tag:8 manifest-head-digest:8
  manifest-put-tag:8 manifest-put-digest:8 tag-list:8 tag-page:8 token:8
  blob-pull-32m:4 blob-pull-128m:1 blob-pull-128m:4
  blob-push-32m:1 blob-push-32m:1:put blob-push-32m:4 blob-push-128m:1"
# No work writes more than this, and each server's data is removed before the next starts.
max_bytes=$((4 << 30))

while [ $# -gt 0 ]; do
  case "$1" in
    --quick) rounds=1 seconds=1 ;;
    --rounds) rounds=$2; shift ;;
    --seconds) seconds=$2; shift ;;
    --servers) servers=$2; shift ;;
    --works) works=$2; shift ;;
    --output) output=$2; shift ;;
    --debug) build=debug ;; # unoptimised builds, for work on the suite itself
    --profile) profile=$2; shift ;;
    *) echo "benches/run.sh: unknown option $1; the first lines of this script list them" >&2; exit 2 ;;
  esac
  shift
done

install_missing() {
  local missing=()
  command -v docker-registry >/dev/null || missing+=(docker-registry)
  command -v nginx >/dev/null || missing+=(nginx)
  command -v curl >/dev/null || missing+=(curl)
  [ ${#missing[@]} -eq 0 ] && return
  echo "installing from Debian: ${missing[*]}"
  local sudo=
  [ "$(id -u)" -eq 0 ] || sudo=sudo
  $sudo apt-get update -q
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}"
  # Only the programs are wanted, not the services that Debian starts with them.
  if [ -d /run/systemd/system ]; then
    $sudo systemctl disable --quiet --now "${missing[@]/curl/}" 2>/dev/null || true
  fi
}

free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 20000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
}

# Waits until $1 answers with success; $2 is the process that should.
await() {
  for _ in $(seq 300); do
    curl -fsS -o /dev/null "$1" 2>/dev/null && return
    kill -0 "$2" 2>/dev/null || { echo "the server ended before it was ready; its log:" >&2; cat "$dir/log" >&2; exit 1; }
    sleep 0.1
  done
  echo "no answer from $1 in 30 s; the server's log:" >&2
  cat "$dir/log" >&2
  exit 1
}

start_harbor() {
  port=$(free_port) account=(--user admin --password "$password")
  HARBOR_ADMIN_PASSWORD=$password "target/$build/harbor" serve --listen "127.0.0.1:$port" --data "$dir/data" \
    >"$dir/log" 2>&1 &
  pids=($!)
  await "http://127.0.0.1:$port/api/v2.0/health" "${pids[0]}"
}

# distribution's own sample configuration, without access log and health checks of the disk.
start_docker_registry() {
  port=$(free_port) account=()
  cat >"$dir/registry.yml" <<YAML
version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage:
  filesystem: { rootdirectory: $dir/data }
  cache: { blobdescriptor: inmemory }
  delete: { enabled: true }
http: { addr: "127.0.0.1:$port" }
YAML
  docker-registry serve "$dir/registry.yml" >"$dir/log" 2>&1 &
  pids=($!)
  await "http://127.0.0.1:$port/v2/" "${pids[0]}"
}

# The settings of Harbor's make/photon/prepare/templates/nginx/nginx.http.conf.jinja that bear on /v2/. Harbor has its
# core, another proxy, between nginx and the registry: the real path is longer than this one.
start_docker_registry_nginx() {
  start_docker_registry
  local upstream=$port
  port=$(free_port)
  mkdir -p "$dir/nginx"
  cat >"$dir/nginx.conf" <<NGINX
worker_processes auto;
pid $dir/nginx.pid;
error_log $dir/nginx.log error;
events { worker_connections 1024; use epoll; multi_accept on; }
http {
  client_body_temp_path $dir/nginx/body;
  proxy_temp_path $dir/nginx/proxy;
  fastcgi_temp_path $dir/nginx/fastcgi;
  uwsgi_temp_path $dir/nginx/uwsgi;
  scgi_temp_path $dir/nginx/scgi;
  tcp_nodelay on;
  proxy_http_version 1.1;
  upstream core { server 127.0.0.1:$upstream; }
  log_format timed_combined '\$remote_addr - "\$request" \$status \$body_bytes_sent '
    '"\$http_referer" "\$http_user_agent" \$request_time \$upstream_response_time \$pipe';
  access_log $dir/access.log timed_combined;
  server {
    listen 127.0.0.1:$port;
    server_tokens off;
    client_max_body_size 0;
    chunked_transfer_encoding on;
    location /v2/ {
      proxy_pass http://core/v2/;
      proxy_set_header Host \$http_host;
      proxy_set_header X-Real-IP \$remote_addr;
      proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto \$scheme;
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_send_timeout 900;
      proxy_read_timeout 900;
    }
  }
}
NGINX
  # Its workers are another user's, who cannot enter a private folder.
  chmod 755 "$dir"
  nginx -c "$dir/nginx.conf" -e "$dir/nginx.log" -g "daemon off;" >>"$dir/log" 2>&1 &
  pids+=($!)
  await "http://127.0.0.1:$port/v2/" "${pids[1]}"
}

stop() {
  [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
  wait "${pids[@]}" 2>/dev/null || true
  pids=()
}

cleanup() {
  stop
  rm -rf "$root"
}

# The flags that name the server under test.
under_test() {
  printf -- '--target http://127.0.0.1:%s --server %s' "$port" "$server"
  printf -- ' --pid %s' "${pids[@]}"
}

play() {
  local work connections upload count=()
  IFS=: read -r work connections upload <<<"$1"
  case "$work" in
    blob-push-32m) count=(--count $((max_bytes >> 25))) ;;
    blob-push-128m) count=(--count $((max_bytes >> 27))) ;;
  esac
  # shellcheck disable=SC2046
  "target/$build/load" run $(under_test) --work "$work" --concurrency "${connections:-8}" --upload "${upload:-patch}" \
    --seconds "$seconds" "${count[@]}" --round "$round" --json "$reports" "${account[@]}" || failures=$((failures + 1))
}

measure() {
  server=$1
  dir=$root/$server.$round
  mkdir -p "$dir"
  "start_${server//-/_}"
  local idle=()
  for pid in "${pids[@]}"; do idle+=(--pid "$pid"); done
  "target/$build/load" memory "${idle[@]}" --server "$server" --round "$round" --json "$reports"
  for spec in $works; do play "$spec"; done
  stop
  rm -rf "$dir"
}

# Where ours spends its CPU time while it does the work $1: the heaviest functions, to stdout.
profile() {
  if ! command -v perf >/dev/null; then
    echo "perf is not installed (Debian: linux-perf)"
    return
  fi
  server=harbor round=profile dir=$root/profile
  mkdir -p "$dir"
  start_harbor
  # The whole play is recorded, its preparation included; that is short against the clock.
  perf record -o "$dir/perf.data" -q -F 997 -p "${pids[0]}" >/dev/null 2>&1 &
  local recorder=$!
  round=0 reports=$dir seconds=8 play "$1" >&2
  kill -INT "$recorder" 2>/dev/null || true
  wait "$recorder" || true
  stop
  perf report -i "$dir/perf.data" --no-children --percent-limit 0.8 --stdio --sort symbol 2>/dev/null |
    sed -n 's/ *- *- *$//; s/^ *\([0-9.]*%\) */\1  /p'
  rm -rf "$dir"
}

# Says where the time goes in every work that falls short.
explain() {
  [ $# -gt 0 ] || return 0
  {
    # shellcheck disable=SC2016
    printf '\n## Where the time goes\n\nThe functions of harbor with the most CPU time, by `perf`, in each work that falls short.\n'
    local spec
    for spec in "$@"; do
      printf '\n### %s\n\n```text\n' "$spec"
      profile "$spec"
      printf '```\n'
    done
  } >>"$output"
}

install_missing
flags=()
[ $build = debug ] || flags=(--release)
cargo build "${flags[@]}" --locked -p benches
if [ -n "$profile" ] || [[ " $servers " == *" harbor "* ]]; then
  cargo build "${flags[@]}" --locked -p harbor
fi

root=$(mktemp -d "${TMPDIR:-/tmp}/benches.XXXXXX")
reports=$root/reports
pids=() failures=0
password="Bench-$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')"
trap cleanup EXIT
trap 'exit 130' INT TERM

if [ "$(df --output=avail -B1 "$root" | tail -n 1)" -lt $((6 * max_bytes)) ]; then
  echo "benches/run.sh: $root needs $((6 * max_bytes >> 30)) GiB of free space; set TMPDIR to a larger disk" >&2
  exit 1
fi

if [ -n "$profile" ]; then
  profile "$profile"
  exit
fi

for round in $(seq "$rounds"); do
  # Every other round goes the other way, so that what warms up or fills up favours nobody.
  order=$servers
  [ $((round % 2)) -eq 1 ] || order=$(tr ' ' '\n' <<<"$servers" | tac | tr '\n' ' ')
  for server in $order; do measure "$server"; done
done

commit=$(git rev-parse --short HEAD 2>/dev/null || echo "no commit")
[ -z "$(git status --porcelain -- crates Cargo.lock 2>/dev/null)" ] || commit="$commit and uncommitted changes"
short=$("target/$build/load" compare "$reports" --output "$output" \
  --fact "Date=$(date -u +%F)" \
  --fact "Commit=$commit, $build build" \
  --fact "Machine=$(nproc) × $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(awk '/MemTotal/ {printf "%.0f GiB", $2 / 1048576}' /proc/meminfo), Linux $(uname -r), $(df --output=fstype "$root" | tail -n 1) at $(dirname "$root")" \
  --fact "Compared with=docker-registry $(dpkg-query -W -f '${Version}' docker-registry 2>/dev/null || echo '?'), nginx $(dpkg-query -W -f '${Version}' nginx 2>/dev/null || echo '?') (Debian)" \
  --fact "Each work=$seconds s after preparation and warm-up, client and server on the same machine")
# shellcheck disable=SC2086
explain $short
echo "wrote $output"
if [ $failures -gt 0 ]; then
  echo "benches/run.sh: $failures works had failed operations; see above" >&2
  exit 1
fi
