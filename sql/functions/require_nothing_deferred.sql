CREATE OR REPLACE FUNCTION schemad.require_nothing_deferred() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
-- run_as_owner() has deferred triggers fire, but one may defer itself again, and would run as the daemon at the commit
-- before PostgreSQL 18. Which are pending nobody tells; what was written to is locked until the commit.
DECLARE
  deferred text;
BEGIN
  SELECT format('%I on %s', t.tgname, t.tgrelid::regclass) INTO deferred
  FROM pg_locks AS l
  JOIN pg_trigger AS t ON t.tgrelid = l.relation
  WHERE l.locktype = 'relation' AND l.pid = pg_backend_pid() AND l.mode = 'RowExclusiveLock'
    AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
    AND t.tgdeferrable
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'SD001', MESSAGE = 'it wrote to a table with a trigger that may be deferred: ' || deferred;
  END IF;
END
$function$;

COMMENT ON FUNCTION schemad.require_nothing_deferred() IS
  'Raises SD001 where this transaction has written to a table with a trigger or constraint that may wait for the commit. Internal to the daemon.';
