CREATE OR REPLACE FUNCTION schemad.wait_for_request(request_id integer, timeout interval DEFAULT '10 s')
RETURNS schemad.schema_requests
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
-- One plan that looks the request up by its key, however small the table was when the plan was made.
SET plan_cache_mode = force_generic_plan
SET jit = off
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $function$
#variable_conflict use_variable
-- Row-level security is left to the condition below: with it in the plan, an index of the role's requests is as good as
-- the key while there are few of them, and each look would read all that the role ever asked for once there are many.
DECLARE
  caller constant name := schemad.caller();
  sees_all constant boolean := schemad.may_approve(caller);
  looked record;
  request schemad.schema_requests;
  patience constant interval := coalesce(timeout, '10 s');
  deadline constant timestamptz := clock_timestamp() + patience;
  pause double precision := 0.001;
BEGIN
  -- Nothing to anybody, but that PostgreSQL refuses it where caller() names a role that has not called: see there.
  UNLISTEN schemad_nobody;
  IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
    RAISE EXCEPTION USING
      ERRCODE = 'feature_not_supported',
      MESSAGE = format('a %s transaction can''t see a decision made meanwhile',
        current_setting('transaction_isolation')),
      HINT = 'Call wait_for_request() outside of it, or in a read committed transaction.';
  END IF;
  LOOP
    -- Ours: visible, and written by a transaction that has not ended. That may be a savepoint's, whose id is
    -- another, and later, than the one of the whole; age() counts from the latter.
    SELECT r AS request, CASE WHEN age(r.xmin) <= 0 THEN
        pg_xact_status((pg_current_xact_id_if_assigned()::text::bigint - age(r.xmin))::text::xid8) = 'in progress'
      END AS is_ours INTO looked
    FROM schemad.schema_requests AS r
    WHERE r.id = request_id AND (r.requested_by = caller OR sees_all);
    IF NOT FOUND THEN
      RAISE EXCEPTION USING
        ERRCODE = 'no_data_found',
        MESSAGE = format('there is no request %s', request_id),
        HINT = 'Or it is another role''s: schemad.list_requests() shows those that you may see.';
    END IF;
    request := looked.request;
    IF request.verdict IS NOT NULL OR request.status <> 'pending' THEN
      RETURN request;
    ELSIF looked.is_ours THEN
      RAISE EXCEPTION USING
        ERRCODE = 'object_not_in_prerequisite_state',
        MESSAGE = format('request %s was submitted in this transaction, so nobody can see it yet', request_id),
        HINT = 'Commit first, then wait. CALL schemad.create_table(…) does both.';
    ELSIF clock_timestamp() >= deadline THEN
      RAISE WARNING USING
        MESSAGE = format('request %s has not been assessed within %s', request_id, patience),
        HINT = 'It is kept, and decided as soon as a daemon runs: schemad doctor tells what is missing.';
      RETURN request;
    END IF;
    PERFORM pg_sleep(pause);
    pause := least(pause * 1.5, 0.1);
  END LOOP;
END
$function$;

COMMENT ON FUNCTION schemad.wait_for_request(integer, interval) IS
  'Returns the request as soon as it has a verdict or a decision, or as it is when the time is up. Example: SELECT status, verdict FROM schemad.wait_for_request(42).';
