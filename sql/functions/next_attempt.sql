CREATE OR REPLACE FUNCTION schemad.next_attempt(attempts integer) RETURNS timestamptz
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  -- 0.2 s, doubled each time, up to a minute; jittered, so that daemons do not meet again at the same lock.
  RETURN clock_timestamp() + least(0.2 * 2 ^ least(attempts, 10), 60) * (0.5 + random()) * interval '1 s';
END
$function$;

COMMENT ON FUNCTION schemad.next_attempt(integer) IS
  'When a request that was tried so many times before is to be tried again. Internal to the daemon.';
