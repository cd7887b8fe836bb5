#!/usr/bin/env bash
# Measures this registry, alone and as a deployment behind its proxy, Debian's docker-registry, and docker-registry behind
# nginx as Harbor configures it, one after another on this machine, and writes benches/results.md. See benches/README.md.
#
#   benches/run.sh                       the whole suite, three rounds: most of an hour
#   benches/run.sh --quick               one short round, to see that everything works
#   benches/run.sh --rounds 5 --seconds 8
#   benches/run.sh --servers "docker-registry docker-registry-nginx"
#   benches/run.sh --works "image-push:8 blob-pull-128m:1"
#   benches/run.sh --program FILE        measures this program instead of building one
#   benches/run.sh --profile image-push  records where ours spends its time instead, with perf
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=benches/lib/servers.sh
. benches/lib/servers.sh
# shellcheck source=benches/lib/deployment.sh
. benches/lib/deployment.sh

rounds=3 seconds=4 output=benches/results.md build=release profile='' program='' works=''
chain="deployment docker-registry-nginx deployment-tls docker-registry-nginx-tls deployment-direct
  deployment-nginx deployment-nginx-tls"
servers="harbor docker-registry $chain"
# work:connections[:upload]. What fills the disk comes last.
chain_works="manifest-get-tag:1 manifest-get-tag:8 manifest-get-digest:8 image-pull:8 image-push:8
  blob-pull-128m:1 blob-pull-128m:4"
all_works="blob-head:8 blob-pull-small:8 blob-push-small:8 image-pull:8 image-push:8 image-push:8:put
  manifest-get-tag:1 manifest-get-tag:8 manifest-get-digest:8 manifest-head-tag:8 manifest-head-digest:8
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
    --program) program=$2; shift ;;
    --debug) build=debug ;; # unoptimised builds, for work on the suite itself
    --profile) profile=$2; shift ;;
    *) echo "benches/run.sh: unknown option $1; the first lines of this script list them" >&2; exit 2 ;;
  esac
  shift
done

# works_of SERVER: those asked for, or those that say something about it.
works_of() {
  if [ -n "$works" ]; then
    echo "$works"
    return
  fi
  case $1 in
    deployment-direct) echo manifest-get-tag:1 manifest-get-tag:8 ;;
    deployment-nginx*) echo blob-pull-128m:1 blob-pull-128m:4 ;;
    deployment* | *-tls) echo "$chain_works" ;;
    # Beside one process in all of them, beside the chain in the chain's.
    docker-registry-nginx) if [[ " $servers " == *" harbor "* ]]; then echo "$all_works"; else echo "$chain_works"; fi ;;
    *) echo "$all_works" ;;
  esac
}

# measures PREFIX: whether a server with such a name is measured.
measures() { [[ " $servers" == *" $1"* ]]; }

install_missing() {
  local missing=()
  command -v docker-registry >/dev/null || missing+=(docker-registry)
  command -v nginx >/dev/null || missing+=(nginx)
  command -v curl >/dev/null || missing+=(curl)
  command -v openssl >/dev/null || missing+=(openssl)
  if measures deployment; then
    command -v logger >/dev/null || missing+=(bsdutils)
    [ -n "$(find /usr/lib/postgresql -name initdb 2>/dev/null)" ] || missing+=(postgresql)
  fi
  [ ${#missing[@]} -eq 0 ] && return
  echo "installing from Debian: ${missing[*]}"
  local sudo=
  [ "$(id -u)" -eq 0 ] || sudo=sudo
  $sudo apt-get update -q
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}"
  # Only the programs are wanted, not the services that Debian starts with them.
  if [ -d /run/systemd/system ]; then
    $sudo systemctl disable --quiet --now docker-registry nginx postgresql 2>/dev/null || true
  fi
}

cleanup() {
  stop
  rm -rf "$root"
}

play() {
  local work connections upload flags=()
  IFS=: read -r work connections upload <<<"$1"
  flags=(--target "$url" --ca "$certificate" --server "$server" "${account[@]}")
  flags+=("${pids[@]/#/--pid=}" "${database_pids[@]/#/--database-pid=}")
  case "$work" in
    blob-push-32m) flags+=(--count $((max_bytes >> 25))) ;;
    blob-push-128m) flags+=(--count $((max_bytes >> 27))) ;;
  esac
  "$load" run "${flags[@]}" --work "$work" --concurrency "${connections:-8}" --upload "${upload:-patch}" \
    --seconds "$seconds" --round "$round" --json "$reports" || failures=$((failures + 1))
}

measure() {
  server=$1
  dir=$root/$server.$round
  mkdir -p "$dir"
  "start_${server//-/_}"
  "$load" memory "${pids[@]/#/--pid=}" --server "$server" --round "$round" --json "$reports"
  local spec
  for spec in $(works_of "$server"); do play "$spec"; done
  stop
  rm -rf "$dir"
}

# profile SERVER WORK: where ours spends its CPU time meanwhile: the heaviest functions, to stdout.
profile() {
  if ! command -v perf >/dev/null; then
    echo "perf is not installed (Debian: linux-perf)"
    return
  fi
  server=$1 dir=$root/profile
  mkdir -p "$dir"
  "start_${server//-/_}"
  # The whole play is recorded, its preparation included; that is short against the clock.
  perf record -o "$dir/perf.data" -q -F 997 -p "$(IFS=,; echo "${pids[*]}")" >/dev/null 2>&1 &
  local recorder=$!
  round=0 reports=$dir seconds=8 play "$2" >&2
  kill -INT "$recorder" 2>/dev/null || true
  wait "$recorder" || true
  stop
  perf report -i "$dir/perf.data" --no-children --percent-limit 0.8 --stdio --sort symbol 2>/dev/null |
    sed -n 's/ *- *- *$//; s/^ *\([0-9.]*%\) */\1  /p'
  rm -rf "$dir"
}

# build: the load generator, and ours as it is released, unless it was named.
build() {
  local flags=(--release)
  [ $build = release ] || flags=()
  cargo build "${flags[@]}" --locked -p benches
  load=${CARGO_TARGET_DIR:-target}/$build/load
  if [ -n "$program" ] || ! { measures harbor || measures deployment || [ -n "$profile" ]; }; then
    return
  fi
  if [ -n "$profile" ] && [ $build = release ]; then
    # Functions have no names in what is released; what has them is built elsewhere, so that neither disturbs the other.
    program=$(CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/profile CARGO_PROFILE_RELEASE_STRIP=none cargo xtask build | tail -n 1)
  elif [ $build = release ]; then
    program=$(cargo xtask build | tail -n 1)
  else
    cargo build --locked -p harbor
    program=${CARGO_TARGET_DIR:-target}/debug/harbor
  fi
}

# Room for all that the works with much to write may write to one server, and for everything else.
check_space() {
  local wanted server spec most=0 bulky
  for server in $servers; do
    bulky=0
    for spec in $(works_of "$server"); do [[ $spec != blob-push-*m:* ]] || bulky=$((bulky + 1)); done
    [ "$bulky" -le "$most" ] || most=$bulky
  done
  wanted=$(((2 + most) * max_bytes))
  if [ "$(df --output=avail -B1 "$root" | tail -n 1)" -lt "$wanted" ]; then
    echo "benches/run.sh: $root needs $((wanted >> 30)) GiB of free space; set TMPDIR to a larger disk" >&2
    exit 1
  fi
}

install_missing
build

root=$(mktemp -d "${TMPDIR:-/tmp}/benches.XXXXXX")
reports=$root/reports
pids=() database_pids=() failures=0
# Of the server under test: where it is asked, and with which account.
url='' account=()
password="Bench-$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')"
trap cleanup EXIT
trap 'exit 130' INT TERM

check_space
make_certificate

if [ -n "$profile" ]; then
  profile "${servers%% *}" "$profile"
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
short=$("$load" compare "$reports" --output "$output" \
  --fact "Date=$(date -u +%F)" \
  --fact "Commit=$commit, $build build" \
  --fact "Machine=$(nproc) × $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(awk '/MemTotal/ {printf "%.0f GiB", $2 / 1048576}' /proc/meminfo), Linux $(uname -r), $(df --output=fstype "$root" | tail -n 1) at $(dirname "$root")" \
  --fact "Compared with=docker-registry $(dpkg-query -W -f '${Version}' docker-registry 2>/dev/null || echo '?'), nginx $(dpkg-query -W -f '${Version}' nginx 2>/dev/null || echo '?') (Debian)" \
  --fact "Each work=$seconds s after preparation and warm-up, client and server on the same machine")
echo "wrote $output"
while read -r server spec; do
  [ -z "$server" ] || echo "falls short; where the time goes: benches/run.sh --servers $server --profile $spec"
done <<<"$short"
if [ $failures -gt 0 ]; then
  echo "benches/run.sh: $failures works had failed operations; see above" >&2
  exit 1
fi
