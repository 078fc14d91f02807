CREATE OR REPLACE FUNCTION schemad.keep_watch() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
-- How it fits together with the others is told in wake_daemons().
DECLARE
  was_over boolean;
BEGIN
  IF (SELECT p.notify FROM schemad.policy AS p) IS FALSE THEN
    RETURN;
  END IF;
  BEGIN
    -- One daemon at a time. Requesters' ROW SHARE passes.
    LOCK TABLE schemad.watch IN SHARE ROW EXCLUSIVE MODE NOWAIT;
  EXCEPTION WHEN lock_not_available THEN
    RETURN;
  END;
  SELECT w.is_over INTO was_over FROM schemad.watch AS w;
  UPDATE schemad.watch AS w
  SET started_at = clock_timestamp(), ends_at = clock_timestamp() + interval '3 s', is_over = false,
    kept_by = pg_backend_pid();
  IF was_over THEN
    PERFORM pg_notify('schemad_watch', '');
    PERFORM set_config('lock_timeout', '0', true); -- as in apply_batch()
  END IF;
  -- Should a crash of the server undo it, every daemon looks anew.
  PERFORM set_config('synchronous_commit', 'off', true);
END
$function$;

COMMENT ON FUNCTION schemad.keep_watch() IS
  'Begins a watch, or prolongs it to three seconds from now: requesters send no NOTIFY, as the caller keeps looking at the queue. All daemons are told of its beginning. Internal to the daemon.';
