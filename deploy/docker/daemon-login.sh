#!/bin/sh
# Makes the daemon's login or gives it a new password, and writes that for the daemon alone into /credentials/pgpass.
# A daemon that runs meanwhile keeps its sessions, and reads the file whenever it opens another one.
set -eu

login=schemad_service
owner=10001 # the user of schemad's image
file=/credentials/pgpass

password=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
umask 077
printf '*:*:*:%s:%s\n' "$login" "$password" > "$file.new"
chown "$owner:$owner" "$file.new"

# By standard input, and kept out of the server's log: arguments and logs are read by others.
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --set=login="$login" <<SQL
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET log_min_duration_statement = -1;
SELECT format('CREATE ROLE %I LOGIN', :'login') WHERE to_regrole(:'login') IS NULL \gexec
ALTER ROLE :"login" PASSWORD '$password';
GRANT schemad_daemon TO :"login";
SQL
mv "$file.new" "$file"
