#!/usr/bin/env bash
# Installs what the tests need on a Debian or Ubuntu machine, then runs every test; stops at the first stage that fails.
#
#     ./test.sh              everything
#     ./test.sh e2e          one stage of: shell ci package e2e fuzz e2e+fuzz
#
# Changes nothing of the machine but packages: databases and daemons are the tests' own, in temporary folders.
set -euo pipefail

root=$(cd "$(dirname "$0")" && pwd)
cd "$root"
# shellcheck source=deploy/lib/setup.sh
. "$root/deploy/lib/setup.sh"
# shellcheck source=tests/e2e/lib/postgres.sh
. "$root/tests/e2e/lib/postgres.sh"
# shellcheck source=tests/e2e/lib/radosgw.sh
. "$root/tests/e2e/lib/radosgw.sh"
# shellcheck source=tests/e2e/lib/azurite.sh
. "$root/tests/e2e/lib/azurite.sh"
# shellcheck source=tests/e2e/lib/swift.sh
. "$root/tests/e2e/lib/swift.sh"

# The whole list, so that a new machine needs one look at the package lists.
packages=(
    build-essential ca-certificates curl git jq openssl procps python3 shellcheck util-linux xz-utils
    postgresql docker-registry chromium chromium-driver
    ceph-common ceph-mon ceph-osd radosgw
    swift-proxy swift-account swift-container swift-object memcached
    fuse3 docker.io docker-compose iproute2 iptables nginx skopeo podman buildah debootstrap debian-archive-keyring
)

# stage NAME FUNCTION: tells what runs, how long it took, and where it broke.
stage() {
    local began=$SECONDS
    current_stage=$1
    say "stage $1"
    "$2"
    say "stage $1: passed in $((SECONDS - began)) s"
    current_stage=''
}
current_stage='' fuzzers=''

finish() {
    local status=$?
    trap - EXIT
    stop_postgres
    stop_radosgw
    stop_azurite
    stop_swift
    [ -z "$fuzzers" ] || kill "$fuzzers" || true
    if [ $status -ne 0 ]; then
        printf '\n==> FAILED%s after %s s; its output is above\n' "${current_stage:+ in stage $current_stage}" "$SECONDS" >&2
    fi
    exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM

prepare_machine() {
    local absent=() deny=''
    ensure_compiler
    ensure_rust_tools
    if ! cargo deny --version >/dev/null 2>&1; then
        say "installing cargo-deny (cargo install), while packages are fetched"
        # Unoptimised: it reads one lock file, and builds in half the time.
        CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug cargo-deny &
        deny=$!
    fi
    # Ubuntu has Chromium as a snap only; a browser that is there under its usual name will do.
    for package in "${packages[@]}"; do
        case $package in
            chromium) have chromium || have chromium-browser || absent+=("$package") ;;
            chromium-driver) have chromedriver || absent+=("$(chromedriver_package)") ;;
            *) absent+=("$package") ;;
        esac
    done
    # Node's own packages bring npm along, Debian's do not.
    have npm || absent+=(nodejs npm)
    apt_install "${absent[@]}"
    ensure_compose_plugin
    [ -z "$deny" ] || wait "$deny" || fail "cargo-deny could not be installed" "cargo install --locked cargo-deny"
    # rustup's folder is on the PATH of `ensure_rust`; the tests start chromedriver by its name.
    have chromedriver || fail "chromedriver is not on the PATH" "apt-get install chromium-driver"
}

# Compose 2 beside docker-compose 1.29: Debian has either the one or the other, so that the newer one is only unpacked,
# from the next release, without touching the machine's own package lists.
ensure_compose_plugin() {
    local folder=$root/target/e2e/compose scratch=$root/target/e2e/trixie plugin options
    [ ! -x "$folder/docker-compose" ] || return 0
    mkdir -p "$folder"
    for plugin in /usr/{libexec,lib,local/lib}/docker/cli-plugins/docker-compose; do
        if [ -x "$plugin" ]; then
            ln -sf "$plugin" "$folder/docker-compose"
            return 0
        fi
    done
    say "fetching Compose 2 (apt-get download, from Debian trixie)"
    mkdir -p "$scratch/lists/partial" "$scratch/archives/partial"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main" >"$scratch/sources.list"
    options=(-o "Dir::Etc::SourceList=$scratch/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$scratch/lists"
        -o "Dir::Cache=$scratch" -o Dir::State::status=/dev/null -o APT::Sandbox::User=root)
    (cd "$scratch" && apt-get "${options[@]}" update -qq && apt-get "${options[@]}" download -qq docker-compose) \
        || fail "Compose 2 could not be fetched" "install the plug-in by hand: apt-get install docker-compose-plugin"
    dpkg --extract "$scratch"/docker-compose_*.deb "$scratch/unpacked"
    mv "$scratch/unpacked/usr/libexec/docker/cli-plugins/docker-compose" "$folder/docker-compose"
    rm -rf "$scratch"
}

chromedriver_package() { [ -n "$(apt_candidate chromium-driver)" ] && echo chromium-driver || echo chromium-chromedriver; }

check_shell() {
    shellcheck install.sh prepare test.sh .ci/run deploy/lib/*.sh deploy/images/db/*.sh \
        tests/e2e/*.sh tests/e2e/run tests/e2e/package tests/e2e/lib/e2e.sh benches/run.sh benches/guesses.sh \
        fuzz/run fuzz/instrument
}

# Format, dependencies, lints, tests on both engines, in buckets and in a browser, documentation.
check_workspace() {
    start_postgres
    export TEST_DATABASE_URL=$postgres_url
    say "PostgreSQL: $TEST_DATABASE_URL"
    start_radosgw
    export TEST_S3_ENDPOINT=$s3_endpoint TEST_S3_BUCKET=$s3_bucket
    export TEST_S3_ACCESSKEY=$s3_accesskey TEST_S3_SECRETKEY=$s3_secretkey
    say "Ceph: $TEST_S3_ENDPOINT"
    start_azurite
    export TEST_AZURE_SERVICEURL=$azure_serviceurl TEST_AZURE_CONTAINER=$azure_container
    export TEST_AZURE_ACCOUNTNAME=$azure_accountname TEST_AZURE_ACCOUNTKEY=$azure_accountkey
    say "Azurite: $TEST_AZURE_SERVICEURL"
    start_swift
    export TEST_SWIFT_AUTHURL=$swift_authurl TEST_SWIFT_CONTAINER=$swift_container
    export TEST_SWIFT_USERNAME=$swift_username TEST_SWIFT_PASSWORD=$swift_password
    say "Swift: $TEST_SWIFT_AUTHURL"
    cargo xtask ci
    stop_postgres
    stop_radosgw
    stop_azurite
    stop_swift
}

# A minute for each parser. What the stage before has compiled is used, but for our own crates.
run_fuzzers() { fuzz/run 60; }

# As root, for a Docker daemon; the program that the other tests run is part of it.
build_package() { as_root env "PATH=$PATH:/usr/sbin:/sbin" "HOME=$HOME" tests/e2e/package; }

# As root: the tests start a Docker daemon and mount a small disk to fill it.
run_clients() { as_root env "PATH=$PATH:/usr/sbin:/sbin" "HOME=$HOME" tests/e2e/run; }

# The clients wait more than they work: fuzzers take what is left, and a longer minute for that.
run_clients_beside_fuzzers() {
    local status=0
    nice -n 19 fuzz/run 90 >target/fuzzers.log 2>&1 &
    fuzzers=$!
    run_clients || status=1
    say "the fuzzers"
    wait "$fuzzers" || status=1
    fuzzers=''
    cat target/fuzzers.log
    return $status
}

stages=("$@")
[ ${#stages[@]} -gt 0 ] || stages=(shell ci package e2e+fuzz)
stage prepare prepare_machine
for name in "${stages[@]}"; do
    case $name in
        shell) stage "$name" check_shell ;;
        ci) stage "$name" check_workspace ;;
        fuzz) stage "$name" run_fuzzers ;;
        package) stage "$name" build_package ;;
        e2e) stage "$name" run_clients ;;
        e2e+fuzz) stage "$name" run_clients_beside_fuzzers ;;
        *) fail "there is no stage '$name'" "shell ci package e2e fuzz e2e+fuzz" ;;
    esac
done
say "everything passed in $SECONDS s"
