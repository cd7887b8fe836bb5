# shellcheck shell=bash
# What `install.sh` and `test.sh` share: telling what happens, and getting programs onto a Debian or Ubuntu machine.
#
# Sourced, never run. Nothing is changed that is already there: every function first looks, then acts, then looks again.

: "${root:?is set by whoever sources this}"

# The oldest that compiles it, and the one whose lints it is written for.
RUST_REQUIRED=1.95
RUST_CHECKED=1.95.0

say() { printf '==> %s\n' "$*"; }

# fail MESSAGE [REMEDY]: says what is wrong and what to do about it, and stops.
fail() {
    printf '\nerror: %s\n' "$1" >&2
    if [ $# -gt 1 ]; then
        printf '       %s\n' "${@:2}" >&2
    fi
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# as_root COMMAND..: runs it as root, by sudo where we are not.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        fail "root is needed for: $*" "run this script as root, or install sudo"
    fi
}

# at_least HAVE WANT: whether the version HAVE is not older than WANT.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# Package lists are read once per run, and only when something is to be installed.
apt_updated=no
apt_update() {
    have apt-get || fail "this machine has no apt-get" \
        "install by hand what is named above, then run this script again; it installs nothing that is already there"
    if [ "$apt_updated" = no ]; then
        say "reading the package lists (apt-get update)"
        as_root apt-get update -qq || fail "apt-get update failed" "check /etc/apt/sources.list and the network"
        apt_updated=yes
    fi
}

# apt_install PACKAGE..: installs those that are absent.
apt_install() {
    local package absent=()
    for package in "$@"; do
        if ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed'; then
            absent+=("$package")
        fi
    done
    [ ${#absent[@]} -eq 0 ] && return 0
    apt_update
    say "installing ${absent[*]} (apt-get install)"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${absent[@]}" >/dev/null \
        || fail "apt-get could not install: ${absent[*]}" "its message is above; install them by hand and run this script again"
}

# apt_candidate PACKAGE: the version that apt would install; nothing if none.
apt_candidate() {
    LC_ALL=C apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: \([0-9][^ ]*\).*/\1/p'
}

ensure_compiler() {
    if have cc && have make; then
        say "C compiler: $(cc --version | head -n 1)"
        return 0
    fi
    say "C compiler: absent; SQLite and the cryptography library are compiled with it"
    apt_install build-essential
    have cc || fail "there is still no C compiler (cc)" "apt-get install build-essential"
}

rust_version() { rustc --version 2>/dev/null | sed -n 's/^rustc \([0-9.]*\).*/\1/p'; }

# rust_is_enough: whether cargo and a rustc of at least $RUST_REQUIRED can be run.
rust_is_enough() {
    local version
    have cargo && have rustc || return 1
    version=$(rust_version)
    [ -n "$version" ] && at_least "$version" "$RUST_REQUIRED"
}

# Tries, in this order: what is there; rustup if it is there; a new enough rustc of the distribution; rustup of the
# distribution; rustup from its own site.
ensure_rust() {
    # rustup's programs are found by login shells only; this may not be one.
    if [ -d "${CARGO_HOME:-$HOME/.cargo}/bin" ]; then
        export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
    fi
    if rust_is_enough; then
        say "Rust: $(rustc --version)"
        return 0
    fi
    if have rustc; then
        say "Rust: $(rust_version) is here, $RUST_REQUIRED or newer is needed"
    else
        say "Rust: absent, $RUST_REQUIRED or newer is needed"
    fi
    if have rustup; then
        rustup_toolchain
    else
        apt_update
        rust_from_distribution || rustup_from_distribution || rustup_from_site stable
    fi
    hash -r
    rust_is_enough || fail "there is still no Rust $RUST_REQUIRED or newer" \
        "install it from https://rustup.rs and run this script again"
    say "Rust: $(rustc --version)"
}

rust_from_distribution() {
    local compiler cargo version
    # Debian's stable releases carry a newer compiler beside their own, for browsers: rustc-web.
    for compiler in rustc rustc-web; do
        cargo=${compiler/rustc/cargo}
        version=$(apt_candidate "$compiler")
        if [ -n "$version" ] && at_least "$version" "$RUST_REQUIRED" && [ -n "$(apt_candidate "$cargo")" ]; then
            say "the distribution has Rust $version ($compiler)"
            apt_install "$compiler" "$cargo" ca-certificates
            return 0
        fi
    done
    return 1
}

rustup_from_distribution() {
    [ -n "$(apt_candidate rustup)" ] || return 1
    apt_install rustup ca-certificates
    rustup_toolchain
}

# rustup_from_site TOOLCHAIN
rustup_from_site() {
    local script url
    apt_install ca-certificates curl
    script=$(mktemp)
    # Two addresses of one script: the short name is not resolved everywhere.
    for url in https://sh.rustup.rs https://static.rust-lang.org/rustup/rustup-init.sh; do
        say "fetching rustup from $url"
        if curl --proto '=https' --tlsv1.2 -sSf "$url" -o "$script"; then
            sh "$script" -y --quiet --no-modify-path --profile minimal --default-toolchain "$1" \
                || fail "rustup could not install Rust $1" "its message is above; see https://rustup.rs"
            rm -f "$script"
            export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
            return 0
        fi
    done
    rm -f "$script"
    fail "neither the distribution nor rustup's site has Rust $RUST_REQUIRED for this machine" \
        "install it from https://rustup.rs by hand and run this script again"
}

# For this run only: the user's default toolchain stays what it is.
rustup_toolchain() {
    export RUSTUP_TOOLCHAIN=stable
    rust_is_enough && return 0
    say "rustup: installing the stable toolchain"
    rustup toolchain install stable --profile minimal --no-self-update \
        || fail "rustup could not install the stable toolchain" "its message is above"
}

# For those who change the code: compiler, linter and formatter of the very version that the code is checked with.
# Newer ones know more lints, so that a check would depend on the day it is run.
ensure_rust_tools() {
    if [ -d "${CARGO_HOME:-$HOME/.cargo}/bin" ]; then
        export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
    fi
    if ! has_rust_tools; then
        say "Rust $RUST_CHECKED with clippy and rustfmt: absent"
        export RUSTUP_TOOLCHAIN=$RUST_CHECKED
        have rustup || rustup_from_site "$RUST_CHECKED"
        hash -r
        has_rust_tools || rustup toolchain install "$RUST_CHECKED" --profile minimal --component clippy --component rustfmt \
            --no-self-update
        has_rust_tools || fail "rustup could not install Rust $RUST_CHECKED" "its message is above"
    fi
    say "Rust: $(rustc --version), $(cargo clippy --version)"
}

has_rust_tools() {
    [ "$(rust_version)" = "$RUST_CHECKED" ] && cargo clippy --version >/dev/null 2>&1 && cargo fmt --version >/dev/null 2>&1
}

# build_program: builds the released program; prints its path, and nothing else, on standard output.
build_program() {
    local jobs memory_gib
    # One job per GiB of memory at most: a small machine swaps otherwise.
    jobs=$(nproc)
    memory_gib=$(($(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo) / 1048576))
    [ "$memory_gib" -ge 1 ] || memory_gib=1
    [ "$jobs" -le "$memory_gib" ] || jobs=$memory_gib
    (cd "$root" && cargo xtask build --jobs "$jobs")
}

# release_version: of the package, or of the sources.
release_version() {
    if [ -f "$root/deploy/release" ]; then
        sed -n 's/^version=//p' "$root/deploy/release"
    else
        sed -n '/^\[workspace.package\]/,/^\[/ s/^version = "\(.*\)"/\1/p' "$root/Cargo.toml"
    fi
}
