-- What server this is, and what it takes.
SELECT current_setting('server_version_num')::integer AS version,
  pg_is_in_recovery() AS is_standby,
  extract(EPOCH FROM clock_timestamp())::double precision AS clock
