CREATE OR REPLACE FUNCTION schemad.next_attempt_in_outage(since timestamptz) RETURNS timestamptz
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  -- An eighth of what it has waited so far, from a second to a minute; jittered, so that not all of them come at once.
  RETURN clock_timestamp()
    + least(greatest(extract(epoch FROM clock_timestamp() - since) / 8, 1), 60) * (0.5 + random()) * interval '1 s';
END
$function$;

COMMENT ON FUNCTION schemad.next_attempt_in_outage(timestamptz) IS
  'When a request from that time is to be tried again after an error of the server as a whole. Internal to the daemon.';
