#!/usr/bin/env bash
# Installs and starts Harbor on this machine. `./install.sh --help` tells the options.
#
# May be run again at any time: what is installed stays, what is built is reused, and the data is kept.
# Run from a newer package it is an upgrade.
set -euo pipefail

root=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=deploy/lib/setup.sh
. "$root/deploy/lib/setup.sh"
# shellcheck source=deploy/lib/standalone.sh
. "$root/deploy/lib/standalone.sh"
# shellcheck source=deploy/lib/deployment.sh
. "$root/deploy/lib/deployment.sh"

usage() {
    cat <<'TEXT'
Usage: ./install.sh [--conf FILE] [--images PREFIX]     with Docker: every service a container, as harbor.cfg says
       ./install.sh --standalone [OPTIONS]              without: one process, one port, SQLite and local files

With Docker (20.10 or newer; `docker compose` 2 or `docker-compose` 1.29): set `hostname` in harbor.cfg first; the lines
of harbor.cfg.example explain every key. A running instance is stopped, replaced and started again on its data.

  --conf FILE       the configuration                                        [default: harbor.cfg beside this script]
  --images PREFIX   pull the images from there, such as registry.example.com/harbor, instead of loading or building them

Standalone: builds Harbor and runs it in the foreground; Ctrl-C stops it.
On a machine without a C compiler or Rust it installs them first (apt-get, rustup) and says so.

  --port PORT       the port on 127.0.0.1                                    [default: 8080]
  --listen ADDR     address and port, such as 0.0.0.0:443, instead of --port
  --data DIR        where everything is kept      [default: /var/lib/harbor as root, otherwise
                                                   $XDG_DATA_HOME/harbor or ~/.local/share/harbor]
  --cert FILE       PEM certificate chain for HTTPS; together with --key
  --key FILE        PEM private key for HTTPS; together with --cert

HARBOR_ADMIN_PASSWORD in the environment sets the admin's first password of a standalone instance; otherwise one is
generated, printed once, and kept in DIR/admin_password.

  --help            this text
TEXT
}

refuse() {
    printf 'error: %s\n\n' "$1" >&2
    usage >&2
    exit 2
}

standalone=no port='' listen='' data='' cert='' key='' conf='' images='' given=''

# value OPTION [ARGUMENT]..: refuses an option without its argument.
value() {
    if [ $# -lt 2 ] || [ -z "$2" ]; then
        refuse "$1 needs a value"
    fi
    given="$given $1"
}

while [ $# -gt 0 ]; do
    case $1 in
        --standalone) standalone=yes; shift ;;
        --port) value "$@"; port=$2; shift 2 ;;
        --listen) value "$@"; listen=$2; shift 2 ;;
        --data) value "$@"; data=$2; shift 2 ;;
        --cert) value "$@"; cert=$2; shift 2 ;;
        --key) value "$@"; key=$2; shift 2 ;;
        --conf) value "$@"; conf=$2; shift 2 ;;
        --images) value "$@"; images=${2%/}; shift 2 ;;
        --port=* | --listen=* | --data=* | --cert=* | --key=* | --conf=* | --images=*)
            set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
        --help | -h) usage; exit 0 ;;
        --with-*) refuse "$1: that part of Harbor is not in this version" ;;
        *) refuse "unknown option: $1" ;;
    esac
done

if [ "$standalone" = yes ]; then
    case $given in *--conf* | *--images*) refuse "--conf and --images are for the installation with Docker" ;; esac
    run_standalone
else
    [ -z "$given" ] || case " $given " in
        *" --port "* | *" --listen "* | *" --data "* | *" --cert "* | *" --key "*)
            refuse "$(echo "$given" | tr ' ' '\n' | grep -m 1 -e port -e listen -e data -e cert -e key) belongs to --standalone; with Docker, harbor.cfg says it" ;;
    esac
    install_deployment
fi
