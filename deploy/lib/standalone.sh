# shellcheck shell=bash
# `./install.sh --standalone`: builds the program and becomes it.
#
# Sourced after setup.sh, by install.sh, which has read the options.

: "${root:?is set by whoever sources this}"

run_standalone() {
    check_standalone
    [ -f "$root/Cargo.toml" ] || fail "a standalone instance is built from the sources, and this is a package without them" \
        "run ./install.sh with Docker, or check the sources out"
    ensure_compiler
    ensure_rust

    say "building (the first time takes some minutes)"
    local binary arguments
    binary=$(build_program) \
        || fail "the build failed" "the compiler's message is above; with 'no space left', about 3 GB are needed under $root/target"

    say "data directory: $data"
    say "starting on $listen; Ctrl-C stops it"
    arguments=(serve --listen "$listen" --data "$data")
    [ -z "$cert" ] || arguments+=(--cert "$cert" --key "$key")
    exec "$binary" "${arguments[@]}"
}

# Options that exclude or need each other, and defaults.
check_standalone() {
    [ -z "$port" ] || [ -z "$listen" ] || refuse "--port and --listen exclude each other"
    if [ -n "$port" ]; then
        case $port in *[!0-9]* | ??????*) refuse "--port $port is not a port number (1 to 65535)" ;; esac
        { [ "$port" -ge 1 ] && [ "$port" -le 65535 ]; } || refuse "--port $port is not a port number (1 to 65535)"
    fi
    { [ -n "$cert" ] && [ -z "$key" ]; } && refuse "--cert needs --key"
    { [ -z "$cert" ] && [ -n "$key" ]; } && refuse "--key needs --cert"
    local file
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
}
