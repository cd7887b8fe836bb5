# shellcheck shell=bash
# The registry of others, whose trees are imported: Debian's docker-registry, which is distribution.
#
# Sourced after e2e.sh.

# start_registry ROOT: on a free port; sets $old, its host and port, and $old_url.
start_registry() {
    old=127.0.0.1:$(free_port)
    old_url=http://$old
    cat >"$work/registry.yml" <<YAML
version: 0.1
log: {level: warn}
storage:
  filesystem: {rootdirectory: $1}
  delete: {enabled: true}
http: {addr: $old}
YAML
    # skopeo's variable would be one of its own: `auth.file`.
    env --unset REGISTRY_AUTH_FILE docker-registry serve "$work/registry.yml" >>"$work/registry.log" 2>&1 3>&- &
    old_server=$!
    on_exit stop_registry
    within 20 curl -sf -o /dev/null "$old_url/v2/"
}

stop_registry() {
    [ -n "${old_server:-}" ] || return 0
    kill "$old_server"
    wait "$old_server" || true
    old_server=''
}

# push_old LAYOUT-TAG NAME [OPTION..]: from $work/layout.
push_old() { skopeo copy --quiet --all --dest-tls-verify=false "${@:3}" "oci:$work/layout:$1" "docker://$old/$2"; }

# put_manifest NAME REFERENCE FILE MEDIA-TYPE
put_manifest() { http 201 --request PUT --header "Content-Type: $4" --data-binary "@$3" "$old_url/v2/$1/manifests/$2"; }

# fake TREE COMMAND..: see lib/tree.py.
fake() { python3 "$e2e/lib/tree.py" "$@"; }

# same [INTO]: every tag, manifest and blob of the old registry is the same here; prints how many tags there are.
same() { python3 "$e2e/lib/same.py" "$old_url" "$url" "admin:$password" "$@"; }
