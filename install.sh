#!/usr/bin/env bash
# Installs and starts Harbor on this machine. `./install.sh --help` tells the options.
#
# May be run again at any time: what is installed stays, what is built is reused, and the data directory is kept.
set -euo pipefail

root=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=deploy/lib/setup.sh
. "$root/deploy/lib/setup.sh"

usage() {
    cat <<'TEXT'
Usage: ./install.sh --standalone [OPTIONS]

Builds Harbor and runs it in the foreground: one process, one port, SQLite and local files. Ctrl-C stops it.
On a machine without a C compiler or Rust it installs them first (apt-get, rustup) and says so.

  --standalone      required in this version; there is no docker-compose deployment yet
  --port PORT       the port on 127.0.0.1                                    [default: 8080]
  --listen ADDR     address and port, such as 0.0.0.0:443, instead of --port
  --data DIR        where everything is kept      [default: /var/lib/harbor as root, otherwise
                                                   $XDG_DATA_HOME/harbor or ~/.local/share/harbor]
  --cert FILE       PEM certificate chain for HTTPS; together with --key
  --key FILE        PEM private key for HTTPS; together with --cert
  --help            this text

HARBOR_ADMIN_PASSWORD in the environment sets the admin's first password; otherwise one is generated,
printed once, and kept in DIR/admin_password.
TEXT
}

refuse() {
    printf 'error: %s\n\n' "$1" >&2
    usage >&2
    exit 2
}

standalone=no port='' listen='' data='' cert='' key=''

# value OPTION [ARGUMENT]..: refuses an option without its argument.
value() {
    if [ $# -lt 2 ] || [ -z "$2" ]; then
        refuse "$1 needs a value"
    fi
}

while [ $# -gt 0 ]; do
    case $1 in
        --standalone) standalone=yes; shift ;;
        --port) value "$@"; port=$2; shift 2 ;;
        --listen) value "$@"; listen=$2; shift 2 ;;
        --data) value "$@"; data=$2; shift 2 ;;
        --cert) value "$@"; cert=$2; shift 2 ;;
        --key) value "$@"; key=$2; shift 2 ;;
        --port=* | --listen=* | --data=* | --cert=* | --key=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
        --help | -h) usage; exit 0 ;;
        *) refuse "unknown option: $1" ;;
    esac
done

[ "$standalone" = yes ] \
    || refuse "the docker-compose deployment is not part of this version; use --standalone"
[ -z "$port" ] || [ -z "$listen" ] || refuse "--port and --listen exclude each other"
if [ -n "$port" ]; then
    case $port in *[!0-9]* | ??????*) refuse "--port $port is not a port number (1 to 65535)" ;; esac
    { [ "$port" -ge 1 ] && [ "$port" -le 65535 ]; } || refuse "--port $port is not a port number (1 to 65535)"
fi
{ [ -n "$cert" ] && [ -z "$key" ]; } && refuse "--cert needs --key"
{ [ -z "$cert" ] && [ -n "$key" ]; } && refuse "--key needs --cert"
for file in "$cert" "$key"; do
    [ -z "$file" ] || [ -r "$file" ] || fail "$file cannot be read" "check the path and its permissions"
done
listen=${listen:-127.0.0.1:${port:-8080}}
if [ -z "$data" ]; then
    if [ "$(id -u)" -eq 0 ]; then
        data=/var/lib/harbor
    else
        data=${XDG_DATA_HOME:-$HOME/.local/share}/harbor
    fi
fi

ensure_compiler
ensure_rust

say "building (the first time takes some minutes)"
# One job per GiB of memory at most: a small machine swaps otherwise.
jobs=$(nproc)
memory_gib=$(($(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo) / 1048576))
[ "$memory_gib" -ge 1 ] || memory_gib=1
[ "$jobs" -le "$memory_gib" ] || jobs=$memory_gib
(cd "$root" && cargo build --release --locked --package harbor --jobs "$jobs") \
    || fail "the build failed" "the compiler's message is above; with 'no space left', about 3 GB are needed under $root/target"

binary=${CARGO_TARGET_DIR:-$root/target}/release/harbor
[ -x "$binary" ] || fail "the build left no $binary" "is build.target or build.target-dir set in ~/.cargo/config.toml?"

say "data directory: $data"
say "starting on $listen; Ctrl-C stops it"
arguments=(serve --listen "$listen" --data "$data")
[ -z "$cert" ] || arguments+=(--cert "$cert" --key "$key")
exec "$binary" "${arguments[@]}"
