CREATE OR REPLACE FUNCTION schemad.wake_daemons() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
-- A transaction that sends a NOTIFY waits at its commit for every other one in the server that does. So none is sent
-- while a daemon keeps a watch (a row, which ends by itself soon), and each daemon that listens was told of the watch.
-- What keeps a wake-up from being lost:
--   1. Who leaves the NOTIFY out holds a ROW SHARE lock on the watch, from before it saw the watch going on until its
--      transaction has ended.
--   2. The watch is marked as over only by end_watch(), in a transaction that ends it under an EXCLUSIVE lock: nobody
--      holds the other one then, and whoever takes it afterwards sees that the watch has ended.
--   3. A daemon that was told of a watch sleeps only after it saw the watch over, and swept once more after that. That
--      sweep sees whatever was left out, as all of it had been committed before.
-- No step waits for another's lock. Where a lock is taken, or a snapshot may be older than the lock, it notifies.
DECLARE
  notifies boolean;
  is_watched boolean;
BEGIN
  -- It is there for each statement that asks, or changes the policy, however many rows that has: nothing to anybody, but
  -- that PostgreSQL refuses it where caller(), by which the rows were stamped, names a role that has not called: see there.
  UNLISTEN schemad_nobody;

  SELECT p.notify, w.is_watch INTO notifies, is_watched
  FROM schemad.policy AS p
  LEFT JOIN schemad.watch AS w ON clock_timestamp() BETWEEN w.started_at AND w.ends_at;
  IF notifies IS FALSE THEN
    RETURN NULL;
  END IF;

  IF is_watched AND current_setting('transaction_isolation') IN ('read committed', 'read uncommitted') THEN
    BEGIN
      LOCK TABLE schemad.watch IN ROW SHARE MODE NOWAIT;
      -- Only what is read under the lock counts.
      PERFORM FROM schemad.watch AS w WHERE clock_timestamp() BETWEEN w.started_at AND w.ends_at;
      IF FOUND THEN
        RETURN NULL;
      END IF;
    EXCEPTION WHEN lock_not_available THEN
      NULL; -- a daemon is about to end the watch
    END;
  END IF;

  -- Always the same message: PostgreSQL then delivers one for a transaction, whatever it inserted.
  PERFORM pg_notify('schemad_requests', '');
  RETURN NULL;
END
$function$;

COMMENT ON FUNCTION schemad.wake_daemons() IS
  'Tells listening daemons to look at the queue, unless one of them is busy and looks anyway, or policy.notify is false. It says nothing else: the table is the queue.';
