# shellcheck shell=bash
# What every end-to-end test starts with: a folder of its own, a server of its own, and words to say what must hold.
#
#     . "$(dirname "$0")/lib/e2e.sh"
#     start_server
#     scenario "a wrong password is refused"
#     refuses skopeo login --username admin --password wrong "$registry"
#
# A test is a list of scenarios; the first command that fails ends it, and what the commands said is shown then.
# Each file can be run alone. E2E_KEEP=1 keeps its folder; E2E_BINARY names another server program.

set -Eeuo pipefail
shopt -s inherit_errexit

e2e=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
root=$(cd "$e2e/../.." && pwd)
binary=${E2E_BINARY:-$(ls "$root"/target/*-linux-*/release/harbor 2>/dev/null || true)}
[ -x "$binary" ] || { echo "there is no program in $root/target: run cargo xtask build" >&2; exit 1; }
# Short, because names of Unix sockets end at 107 characters.
work=$(mktemp -d /tmp/e2e.XXXXXX)
# What may be kept between runs: the Debian base image.
cache=$root/target/e2e
data=$work/data

# Clients keep their logins and images here, not in the home of whoever runs the tests.
# shellcheck disable=SC2034  # for the test that runs install.sh
callers_home=$HOME
export HOME=$work/home DOCKER_CONFIG=$work/docker REGISTRY_AUTH_FILE=$work/auth.json
mkdir -p "$HOME" "$DOCKER_CONFIG" "$cache"
# A setting of the caller is not a setting of the test.
unset XDG_RUNTIME_DIR "${!HARBOR_@}"

# The report goes to the terminal; commands, and the trace of them, go to a file that is shown when one fails.
log=$work/log
exec 3>&1 >"$log" 2>&1
report() { printf '%s\n' "$*" >&3; }

current='' began=0 server='' tidying=() errors_expected=no

now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

scenario() {
    { set +x; } 2>/dev/null
    passed
    current=$1
    began=$(now_ms)
    echo "#### $current"
    set -x
}

passed() {
    [ -z "$current" ] || report "  ok    $current ($(($(now_ms) - began)) ms)"
    current=''
}

# on_exit COMMAND: run at the end, last one first, whatever happened.
on_exit() { tidying=("$1" "${tidying[@]}"); }

finish() {
    local status=$?
    trap - EXIT
    { set +ex; } 2>/dev/null
    if [ $status -eq 0 ]; then
        passed
        stop_server || status=1
        # A panic is never expected.
        local wrong='panicked at'
        [ $errors_expected = yes ] || wrong+='|\bERROR\b'
        if grep -E "$wrong" "$work"/server.log >"$work/errors" 2>/dev/null; then
            report "  FAIL  the server logged errors:"
            head -n 20 "$work/errors" >&3
            status=1
        fi
    else
        report "  FAIL  ${current:-before the first scenario} ($0, line $line)"
        report "  ----  the end of its commands and of what they said:"
        # shellcheck disable=SC2016  # `$` is sed's: the last line
        sed -n '/^#### /h; //!H; ${x; p}' "$log" | tail -n 30 | cut -c 1-400 | sed 's/^/        /' >&3
        report "  ----  the last lines of the server:"
        tail -n 15 "$work/server.log" 2>/dev/null | cut -c 1-300 | sed 's/^/        /' >&3
        [ -z "$server" ] || kill -KILL "$server" 2>/dev/null
    fi
    local step
    for step in "${tidying[@]}"; do $step; done
    if [ -n "${E2E_KEEP:-}" ]; then report "  kept  $work"; else rm -rf "$work"; fi
    exit $status
}
trap finish EXIT
# The line of the test, also when the command that failed is in a function here.
line='?'
trap 'line=$LINENO; [ -z "${FUNCNAME[*]-}" ] || line=${BASH_LINENO[-2]}' ERR
# An interrupted run tidies up as well.
trap 'exit 130' INT TERM

# ---- Assertions ----------------------------------------------------------------------------------------------------

broken() { echo "ASSERTION: $*"; return 1; }

# equal WANT GOT
equal() { [ "$1" = "$2" ] || broken "wanted '$1', got '$2'"; }

# contains TEXT PART: ignoring case.
contains() { [[ ${1,,} == *"${2,,}"* ]] || broken "no '$2' in: $1"; }

# below LIMIT NUMBER
below() { [ "$2" -lt "$1" ] || broken "$2 is not below $1"; }

# refuses COMMAND..: it must fail; what it said is in $out.
refuses() {
    local status=0
    out=$("$@" 2>&1) || status=$?
    echo "$out"
    [ $status -ne 0 ] || broken "succeeded: $*"
}

# within SECONDS COMMAND..: tries until it succeeds.
within() {
    local until=$((SECONDS + $1)) && shift
    until "$@"; do
        [ $SECONDS -lt $until ] || broken "in vain: $*"
        sleep 0.05
    done
}

# ---- The server ----------------------------------------------------------------------------------------------------

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

is_ready() { curl -sf -o /dev/null "$url/api/v2.0/health"; }
is_ready_or_gone() { is_ready || ! kill -0 "$server"; }

# start_server [OPTION..]: on $data, a new one unless the test said otherwise; sets $registry, $url, $password.
start_server() {
    port=${port:-$(free_port)}
    registry=127.0.0.1:$port
    url=http://$registry
    "$binary" serve --listen "$registry" --data "$data" "$@" >>"$work/server.log" 2>&1 3>&- &
    server=$!
    within 20 is_ready_or_gone
    is_ready
    password=$(cat "$data/admin_password")
}

# stop_server: as Ctrl-C does.
stop_server() {
    [ -n "$server" ] || return 0
    local status=0
    kill -INT "$server"
    wait "$server" || status=$?
    server=''
    [ $status -eq 0 ] || broken "the server ended with $status"
}

# ---- The API, as admin ---------------------------------------------------------------------------------------------

# api METHOD PATH [JSON]
api() {
    local json=()
    [ $# -lt 3 ] || json=(--header 'Content-Type: application/json' --data "$3")
    curl -sS --fail-with-body --user "admin:$password" --request "$1" "${json[@]}" "$url/api/v2.0$2"
}

# make_project NAME [true|false]: public or not.
make_project() { api POST /projects "{\"project_name\":\"$1\",\"metadata\":{\"public\":\"${2:-false}\"}}"; }

secret=Harbor-e2e-1
# make_user NAME: with $secret as the password.
make_user() {
    api POST /users "{\"username\":\"$1\",\"email\":\"$1@example.com\",\"realname\":\"$1\",\"password\":\"$secret\"}"
}

# make_member PROJECT USER ROLE: 1 project admin, 2 developer, 3 guest, 4 maintainer, 5 limited guest.
make_member() { api POST "/projects/$1/members" "{\"role_id\":$3,\"member_user\":{\"username\":\"$2\"}}"; }

# make_robot PROJECT NAME ACTION..: sets $robot and $robot_secret.
make_robot() {
    local access='' action answer
    for action in "${@:3}"; do
        access+="${access:+,}{\"resource\":\"repository\",\"action\":\"$action\"}"
    done
    answer=$(api POST /robots "{\"name\":\"$2\",\"duration\":1,\"level\":\"project\",
        \"permissions\":[{\"kind\":\"project\",\"namespace\":\"$1\",\"access\":[$access]}]}")
    # shellcheck disable=SC2034  # used by the tests
    robot=$(jq -r .name <<<"$answer")
    # shellcheck disable=SC2034  # used by the tests
    robot_secret=$(jq -r .secret <<<"$answer")
}

# ---- Images and the registry's own protocol ------------------------------------------------------------------------

# image LAYOUT TAG [OPTION..]: see lib/image.py.
image() { python3 "$e2e/lib/image.py" "$@"; }

# http STATUS CURL-ARGUMENT..: the answer's status must be this; its body is in $body, its headers in $headers.
http() {
    local status
    status=$(curl -sS --output "$work/body" --dump-header "$work/headers" --write-out '%{http_code}' "${@:2}")
    headers=$(tr -d '\r' <"$work/headers")
    body=$(head -c 65536 "$work/body" | tr -d '\0')
    [ "$status" = "$1" ] || broken "wanted $1, got $status: $body"
}

# header NAME: of the last answer.
header() { sed -n "s/^$1: *//Ip" <<<"$headers" | head -n 1; }

digest_of() { echo "sha256:$(sha256sum "$1" | cut -d ' ' -f 1)"; }

# bearer SCOPE [USER PASSWORD]: a token for it.
bearer() {
    local who=()
    [ $# -lt 3 ] || who=(--user "$2:$3")
    curl -sS --fail-with-body "${who[@]}" --get "$url/service/token" \
        --data-urlencode "service=$(service)" --data-urlencode "scope=$1" | jq -r .token
}

# service: the name that the registry's challenge asks tokens for.
service() { curl -sI "$url/v2/" | tr -d '\r' | sed -n 's/.*service="\([^"]*\)".*/\1/Ip'; }

# push_blob REPOSITORY FILE TOKEN: in one request after the POST; prints the digest.
push_blob() {
    local digest location
    digest=$(digest_of "$2")
    http 202 --request POST --header "Authorization: Bearer $3" "$url/v2/$1/blobs/uploads/"
    location=$(absolute "$(header location)")
    http 201 --request PUT --header "Authorization: Bearer $3" --header 'Content-Type: application/octet-stream' \
        --data-binary "@$2" "$location$(joint "$location")digest=$digest"
    echo "$digest"
}

absolute() { case $1 in http*) echo "$1" ;; *) echo "$url$1" ;; esac; }
joint() { case $1 in *\?*) echo '&' ;; *) echo '?' ;; esac; }

# stored_bytes: what the blob store holds.
stored_bytes() { du --summarize --bytes "$data/storage" | cut -f 1; }
