# shellcheck shell=bash
# A PostgreSQL of the tests' own: a new cluster on a free port, in a temporary folder.
#
# Sourced. Nothing in it outlives the run, so nothing is synced to the disk.

postgres_cluster=''

# as_postgres COMMAND..: PostgreSQL refuses to run as root.
as_postgres() {
    if [ "$(id -u)" -eq 0 ]; then
        (cd / && setpriv --reuid=postgres --regid=postgres --init-groups "$@")
    else
        "$@"
    fi
}

# start_postgres: sets $postgres_url.
start_postgres() {
    postgres_programs=$(find /usr/lib/postgresql -maxdepth 2 -name bin | sort -V | tail -n 1)
    if [ ! -x "$postgres_programs/initdb" ]; then
        echo "error: PostgreSQL's initdb is not under /usr/lib/postgresql: apt-get install postgresql" >&2
        return 1
    fi
    postgres_cluster=$(mktemp -d /tmp/test-postgres.XXXXXX)
    if [ "$(id -u)" -eq 0 ]; then
        chown postgres: "$postgres_cluster"
    fi
    postgres_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    as_postgres "$postgres_programs/initdb" --pgdata "$postgres_cluster/data" --username postgres --auth trust \
        --encoding UTF8 --no-sync >/dev/null
    run_postgres
    # shellcheck disable=SC2034  # for whoever sources this
    postgres_url=postgres://postgres@127.0.0.1:$postgres_port/postgres
}

# run_postgres: starts the cluster, also again after halt_postgres.
run_postgres() {
    # Its output goes to its log: a daemon that held our pipe would keep whoever reads it waiting.
    if ! as_postgres "$postgres_programs/pg_ctl" --pgdata "$postgres_cluster/data" --log "$postgres_cluster/log" --wait start \
        --options "-p $postgres_port -k $postgres_cluster -c listen_addresses=127.0.0.1 -c max_connections=400 \
            -c fsync=off -c synchronous_commit=off -c full_page_writes=off" >/dev/null 3>&-; then
        cat "$postgres_cluster/log" >&2
        echo "error: PostgreSQL did not start; its log is above" >&2
        return 1
    fi
}

# halt_postgres: breaks all connections. Not as a crash: this cluster does not sync, and would lose what it acknowledged.
halt_postgres() { as_postgres "$postgres_programs/pg_ctl" --pgdata "$postgres_cluster/data" --mode fast --wait stop >/dev/null; }

stop_postgres() {
    [ -n "$postgres_cluster" ] || return 0
    as_postgres "$postgres_programs/pg_ctl" --pgdata "$postgres_cluster/data" --mode immediate stop >/dev/null 2>&1 || true
    rm -rf "$postgres_cluster"
    postgres_cluster=''
}
