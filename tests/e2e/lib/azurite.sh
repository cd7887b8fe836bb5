# shellcheck shell=bash
# Azurite, Microsoft's emulator of Azure's storage, for the tests alone: in memory, on a free port.
#
# Sourced. It is fetched by npm into target/e2e once; a folder that $AZURITE names is used as it is.

azurite_version=3.35.0
azurite_process='' azurite_folder=''

# fetch_azurite: sets $azurite, the folder of the program.
fetch_azurite() {
    azurite=${AZURITE:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)/target/e2e/azurite}
    [ ! -e "$azurite/node_modules/azurite/package.json" ] || return 0
    command -v npm >/dev/null || { echo "error: there is no npm: apt-get install nodejs npm" >&2; return 1; }
    mkdir -p "$azurite"
    (cd "$azurite" && npm install --silent --no-audit --no-fund --no-save "azurite@$azurite_version" >npm.log 2>&1 3>&-) \
        || { tail -n 20 "$azurite/npm.log" >&2; echo "error: npm could not fetch azurite; its words are above" >&2; return 1; }
}

# start_azurite: sets $azure_serviceurl, $azure_accountname, $azure_accountkey and $azure_container.
start_azurite() {
    local port
    fetch_azurite
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    azurite_folder=$(mktemp -d /tmp/test-azurite.XXXXXX)
    export azure_accountname=platform azure_accountkey azure_container=images
    azure_accountkey=$(printf 'not-to-be-told' | base64)
    export azure_serviceurl=http://127.0.0.1:$port/$azure_accountname
    AZURITE_ACCOUNTS=$azure_accountname:$azure_accountkey node "$azurite/node_modules/azurite/dist/src/blob/main.js" \
        --inMemoryPersistence --disableTelemetry --skipApiVersionCheck --blobHost 127.0.0.1 --blobPort "$port" \
        >"$azurite_folder/out" 2>&1 3>&- &
    azurite_process=$!
    # shellcheck disable=SC2016  # the inner shell's
    timeout 120 bash -c 'until curl --silent --output /dev/null "$1"; do sleep 0.2; done' - "$azure_serviceurl" \
        || { cat "$azurite_folder/out" >&2; echo "error: Azurite did not start; its words are above" >&2; return 1; }
    azure PUT '?restype=container' >/dev/null
}

# azure METHOD [/NAME][?QUERY]: a signed request to the container.
azure() { python3 "$(dirname "${BASH_SOURCE[0]}")/azure.py" "$@"; }

stop_azurite() {
    [ -n "$azurite_process" ] || return 0
    kill -KILL "$azurite_process" 2>/dev/null || true
    wait "$azurite_process" 2>/dev/null || true
    rm -rf "$azurite_folder"
    azurite_process='' azurite_folder=''
}
