#!/bin/sh
# Makes the cluster at the first start, sets the password that /etc/harbor/env names, and becomes PostgreSQL.
set -eu

folder=/var/lib/postgresql/data
export PGDATA=$folder/pg

# A server that was killed leaves its lock behind, and its number, mostly 1, is that of another process now, for which
# PostgreSQL would take it. A server of another container that is alive answers at the socket, which they share.
answer=0
pg_isready --quiet --host /run/postgresql --username postgres || answer=$?
if [ $answer -lt 2 ]; then
    echo "another PostgreSQL serves this directory: use docker exec harbor-db .. for what you want to do" >&2
    exit 1
fi
rm -f "$PGDATA/postmaster.pid"

IFS= read -r line </etc/harbor/env || [ -n "${line-}" ]
case $line in
    POSTGRES_PASSWORD=?*) password=${line#POSTGRES_PASSWORD=} ;;
    *) echo "/etc/harbor/env does not begin with POSTGRES_PASSWORD=: run ./prepare again" >&2; exit 1 ;;
esac

# single FOLDER COMMAND: before anybody can connect. It ends with 0 whatever became of the command, so that what it says
# counts; the command itself is not repeated, it may hold a password.
single() {
    said=$(printf '%s\n' "$2" | postgres --single -D "$1" -c log_min_messages=warning postgres 2>&1 >/dev/null) || said="$said FATAL:"
    case $said in
        *ERROR:* | *FATAL:*)
            printf '%s\n' "$said" | sed -n '/ERROR:/p; /FATAL:/p' >&2
            exit 1
            ;;
    esac
}

if [ ! -e "$PGDATA" ]; then
    # Made aside and then renamed: a start that is cut off leaves nothing that looks like a cluster.
    rm -rf "$folder/new"
    initdb --pgdata "$folder/new" --username postgres --auth-local peer --auth-host scram-sha-256 \
        --encoding UTF8 --locale C.UTF-8 --data-checksums
    single "$folder/new" 'CREATE DATABASE registry'
    mv "$folder/new" "$PGDATA"
fi
# Each time, so that a changed db_password in harbor.cfg is one here as well.
single "$PGDATA" "ALTER ROLE postgres PASSWORD '$(printf %s "$password" | sed "s/'/''/g")'"

exec postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/run/postgresql \
    -c hba_file=/etc/harbor/pg_hba.conf -c ident_file=/etc/harbor/pg_ident.conf \
    -c max_connections=200 -c log_timezone=UTC -c log_line_prefix='%m [%p] '
