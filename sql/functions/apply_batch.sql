CREATE OR REPLACE FUNCTION schemad.apply_batch(policy_version integer, decisions jsonb)
RETURNS TABLE (request_id integer, result text, error_code text, error_message text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
-- Claims, applies and records a batch in the caller's transaction; a single call of it is the whole transaction.
-- A decision has: request_id, verdict, findings, plan_sql, message, summary, decided_by, and for what is to be
-- applied now: apply = true, operation, script, expected_version, registry {name, description, owner, fields, added}.
--
-- What a row of the result says: applied, held, failed; retry (an error that passes: next_attempt_at is set);
-- stale (policy or table changed since it was planned) and taken (another daemon has it, or it was decided):
-- nothing was recorded for these two.
DECLARE
  decision jsonb;
  claimed integer[];
  done jsonb[] := '{}';
  policy schemad.policy;
  caller_role constant text := current_setting('role');
  outcome text;
  code text;
  error text;
BEGIN
  SELECT p.* INTO policy FROM schemad.policy AS p;
  IF policy.version <> policy_version THEN
    RETURN QUERY
    SELECT (d.value ->> 'request_id')::integer, 'stale', NULL::text, NULL::text
    FROM jsonb_array_elements(decisions) AS d;
    RETURN;
  END IF;

  -- The claim. Looked up by id, one by one: a scan of the index of pending rows would cost 2,000 of them for one.
  SELECT array_agg(q.id) INTO claimed
  FROM jsonb_array_elements(decisions) AS d
  CROSS JOIN LATERAL (
    SELECT r.id FROM schemad.schema_requests AS r
    WHERE r.id = (d.value ->> 'request_id')::integer AND r.status = 'pending' AND r.verdict IS NULL
    FOR UPDATE SKIP LOCKED
  ) AS q;

  FOR decision IN SELECT d.value FROM jsonb_array_elements(decisions) AS d LOOP
    request_id := (decision ->> 'request_id')::integer;
    code := NULL;
    error := NULL;
    IF request_id = ANY (claimed) IS NOT TRUE THEN
      outcome := 'taken';
    ELSIF (decision ->> 'apply')::boolean IS NOT TRUE THEN
      outcome := CASE decision ->> 'verdict' WHEN 'failed' THEN 'failed' ELSE 'held' END;
      code := decision ->> 'error_code';
      error := decision ->> 'error_message';
    ELSIF NOT pg_try_advisory_xact_lock(hashtext('schemad.table'), hashtext(decision #>> '{registry,name}'))
      OR (SELECT r.version FROM schemad.schema_registry AS r WHERE r.name = decision #>> '{registry,name}')
        IS DISTINCT FROM (decision ->> 'expected_version')::integer THEN
      outcome := 'stale';
    ELSE
      outcome := 'applied';
      -- A subtransaction for each request, so that a bad one fails alone. The DDL runs as the owner of created
      -- tables, who can't touch anything of schemad's own.
      BEGIN
        IF decision ->> 'script' <> '' THEN
          PERFORM set_config('role', coalesce(policy.owner_role::text, current_setting('role')), true);
          EXECUTE decision ->> 'script';
        END IF;
      EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, error = MESSAGE_TEXT;
        outcome := CASE WHEN schemad.is_transient(code) AND (decision ->> 'attempts')::integer + 1 < policy.max_attempts
          THEN 'retry' ELSE 'failed' END;
      END;
      PERFORM set_config('role', caller_role, true);
    END IF;

    result := outcome;
    error_code := code;
    error_message := error;
    RETURN NEXT;
    IF outcome NOT IN ('taken', 'stale') THEN
      done := done || (decision || jsonb_build_object('result', outcome, 'error_code', code, 'error_message', error));
    END IF;
  END LOOP;

  PERFORM schemad.record_batch(to_jsonb(done), policy.table_schema);
END
$function$;

COMMENT ON FUNCTION schemad.apply_batch(integer, jsonb) IS
  'Claims the requests of a batch, runs the SQL that was planned for each in a subtransaction of its own, and records every outcome. Internal to the daemon.';
