CREATE OR REPLACE FUNCTION schemad.end_watch() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
-- How it fits together with the others is told in wake_daemons().
DECLARE
  none_left boolean := true;
BEGIN
  IF NOT EXISTS (SELECT FROM schemad.watch AS w WHERE NOT w.is_over) THEN
    RETURN true;
  END IF;
  BEGIN
    LOCK TABLE schemad.watch IN SHARE ROW EXCLUSIVE MODE NOWAIT;
  EXCEPTION WHEN lock_not_available THEN
    RETURN false;
  END;
  IF EXISTS (
    SELECT FROM schemad.watch AS w
    WHERE w.kept_by <> pg_backend_pid() AND clock_timestamp() BETWEEN w.started_at AND w.ends_at
  ) THEN
    RETURN false; -- another daemon's, or that of one that died just now
  END IF;
  BEGIN
    LOCK TABLE schemad.watch IN EXCLUSIVE MODE NOWAIT;
  EXCEPTION WHEN lock_not_available THEN
    none_left := false;
  END;
  UPDATE schemad.watch AS w
  SET ends_at = '-infinity', is_over = none_left
  WHERE (w.ends_at, w.is_over) IS DISTINCT FROM ('-infinity'::timestamptz, none_left);
  PERFORM set_config('synchronous_commit', 'off', true);
  RETURN none_left;
END
$function$;

COMMENT ON FUNCTION schemad.end_watch() IS
  'Ends the caller''s watch, or one that nobody prolonged. True once no transaction is left that relied on a watch: who then looks at the queue once more may sleep until a NOTIFY. Internal to the daemon.';
