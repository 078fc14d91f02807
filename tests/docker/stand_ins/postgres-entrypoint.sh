#!/bin/sh
# The part of the official image's entrypoint that schemad's tests rely on: makes the cluster at the first start, with
# POSTGRES_USER, POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE, POSTGRES_DB and POSTGRES_HOST_AUTH_METHOD, then runs the
# server as the user postgres.
set -eu

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" "$PGHOST"
    chown -R postgres:postgres "$PGDATA" "$PGHOST"
    # Secrets may be readable by root alone.
    if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
        POSTGRES_PASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
        export POSTGRES_PASSWORD
        unset POSTGRES_PASSWORD_FILE
    fi
    exec setpriv --reuid=postgres --regid=postgres --clear-groups "$0" "$@"
fi

if [ "${1:-}" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
    user=${POSTGRES_USER:-postgres}
    method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
    if [ -z "${POSTGRES_PASSWORD:-}" ] && [ "$method" != trust ]; then
        echo "POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE has to be set" >&2
        exit 1
    fi
    password_file=$(mktemp)
    printf '%s\n' "${POSTGRES_PASSWORD:-unused}" > "$password_file"
    initdb -D "$PGDATA" -U "$user" -E UTF8 --locale=C.UTF-8 --auth-local=trust --auth-host=scram-sha-256 \
        --pwfile="$password_file"
    rm "$password_file"
    echo "host all all all $method" >> "$PGDATA/pg_hba.conf"
    echo "unix_socket_directories = '$PGHOST'" >> "$PGDATA/postgresql.conf"
    pg_ctl -D "$PGDATA" -w -o "-c listen_addresses=" start
    database=${POSTGRES_DB:-$user}
    if [ "$database" != postgres ]; then
        createdb -U "$user" "$database"
    fi
    pg_ctl -D "$PGDATA" -m fast -w stop
    echo "PostgreSQL init process complete; ready for start up."
fi
unset POSTGRES_PASSWORD
exec "$@"
