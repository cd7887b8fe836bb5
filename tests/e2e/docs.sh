#!/usr/bin/env bash
# Every command of the pages: README.md, ARCHITECTURE.md and docs, each page against a server of its own.
. "$(dirname "$0")/lib/e2e.sh"
. "$e2e/lib/docker.sh"
. "$e2e/lib/postgres.sh"

# A block that begins with ```sh alone is run here, as it stands, but for these:
#   127.0.0.1:8080, 127.0.0.1:9090    the server of the page, its metrics
#   /var/lib/harbor                   the server's data directory
#   /srv/harbor                       a new directory for each page
#   postgres://harbor:secret@..       a PostgreSQL of the test's own
# A block that begins with ```sh FILE is run by that test; crates/testkit/tests/it/docs.rs looks after those.

# blocks PAGE: the lines of its blocks.
blocks() { awk '/^```sh$/ { inside = 1; next } /^```/ { inside = 0 } inside' "$1"; }

# here: puts addresses and places of this test for those of the page.
here() {
    sed -e "s#127\.0\.0\.1:8080#$registry#g" -e "s#127\.0\.0\.1:9090#$metrics#g" -e "s#/var/lib/harbor#$data#g" \
        -e "s#/srv/harbor#$folder/srv#g" -e "s#postgres://harbor:secret@[a-z.]*/harbor#$postgres_url#g"
}

# The pages' `harbor`. One that serves does so on a free port until it is ready, and is then stopped as by Ctrl-C.
mkdir "$work/bin"
cat >"$work/bin/harbor" <<'SCRIPT'
#!/usr/bin/env bash
set -euo pipefail
[ "${1-}" = serve ] || exec "$BINARY" "$@"
options=() said=$(mktemp)
while [ $# -gt 0 ]; do
    # Addresses of the page may be anybody's; port 0 is nobody's.
    case $1 in
        --listen | --metrics-listen) options+=("$1" 127.0.0.1:0) && shift 2 ;;
        *) options+=("$1") && shift ;;
    esac
done
[[ " ${options[*]} " == *" --listen "* ]] || options+=(--listen 127.0.0.1:0)
"$BINARY" "${options[@]}" >"$said" 3>&- &
server=$!
until grep --quiet "Harbor is ready" "$said"; do
    kill -0 $server || { wait $server; exit 1; }
    sleep 0.05
done
cat "$said"
kill -INT $server
wait $server
SCRIPT
chmod +x "$work/bin/harbor"
export BINARY=$binary PATH=$work/bin:$PATH

# Docker's classic builder, and stores for podman and buildah that need nothing of the kernel.
export DOCKER_BUILDKIT=0 CONTAINERS_STORAGE_CONF=$work/storage.conf BUILDAH_ISOLATION=chroot
cat >"$CONTAINERS_STORAGE_CONF" <<CONF
[storage]
driver = "vfs"
graphroot = "$work/containers"
runroot = "$work/containers-run"
CONF

start_docker
start_postgres
on_exit stop_postgres

cd "$root"
for page in README.md ARCHITECTURE.md docs/*.md docs/design/*.md; do
    [ -n "$(blocks "$page")" ] || continue
    scenario "$page: $(blocks "$page" | grep -c '^[^ }]') lines of commands"
    folder=$work/pages/${page//\//-}
    data=$folder/data
    metrics=127.0.0.1:$(free_port)
    mkdir -p "$folder/home"
    start_server --metrics-listen "$metrics"
    { echo 'set -euxo pipefail' && blocks "$page" | here; } >"$folder/commands"
    (cd "$folder/home" && bash ../commands) 2>&1 | tee "$folder/said"
    stop_server
done

scenario "what the tour says of mounts and of freed bytes is so"
said=$(cat "$work/pages/README.md/said")
contains "$said" "Mounted from library/hello"
[[ $said =~ removed:\ [1-9][0-9]*\ blobs ]]
