CREATE OR REPLACE FUNCTION schemad.apply_batch(policy_version integer, decisions jsonb)
RETURNS TABLE (request_id integer, result text, error_code text, error_message text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
-- Claims, applies and records a batch in the caller's transaction; a single call of it is the whole transaction.
-- A decision has: request_id, attempts and approved_by as they were read, verdict, findings, plan_sql; for what is to be
-- applied now apply = true, operation, proof, summary, requested_by, decided_by, decision_reason, expected_version and
-- registry {name, description, fields, added}; error_code and error_message where applying it alone broke off the call.
--
-- What a row of the result says: applied, held, failed; retry (an error that passes: next_attempt_at is set);
-- stale (policy, table or quota changed since it was planned, or another daemon works on them) and taken (another daemon
-- has the request, or it was decided, put off or tried since it was read): nothing was recorded for these two.
DECLARE
  decision jsonb;
  claimed integer[];
  done jsonb[] := '{}';
  policy schemad.policy;
  caller_role constant text := current_setting('role');
  outcome text;
  owner_role text;
  trials text;
  code text;
  error text;
  made_for jsonb := '{}'; -- tables that this batch made, by role: the registry has them only at its end
BEGIN
  SELECT p.* INTO policy FROM schemad.policy AS p;
  owner_role := coalesce(policy.owner_role::text, caller_role);
  IF policy.version IS DISTINCT FROM policy_version THEN
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
      -- As it was when it was decided on: neither approved, put off nor tried since.
      AND r.decided_by IS NOT DISTINCT FROM d.value ->> 'approved_by'
      AND r.attempts = (d.value ->> 'attempts')::integer
      AND (r.next_attempt_at IS NULL OR r.next_attempt_at <= clock_timestamp())
    FOR UPDATE SKIP LOCKED
  ) AS q;

  FOR decision IN SELECT d.value FROM jsonb_array_elements(decisions) AS d LOOP
    request_id := (decision ->> 'request_id')::integer;
    code := NULL;
    error := NULL;
    outcome := NULL;
    IF request_id = ANY (claimed) IS NOT TRUE THEN
      outcome := 'taken';
    ELSIF (decision ->> 'apply')::boolean IS NOT TRUE THEN
      code := decision ->> 'error_code';
      error := decision ->> 'error_message';
      outcome := CASE WHEN code IS NULL THEN 'held' ELSE schemad.outcome_of(code, decision, policy) END;
    ELSE
      outcome := schemad.reason_to_wait(decision, policy, coalesce((made_for -> (decision ->> 'requested_by'))::integer, 0));
    END IF;
    IF outcome IS NULL THEN
      outcome := 'applied';
      -- A subtransaction for each request, so that a bad one fails alone. The DDL runs as the owner of created
      -- tables, who can't touch anything of schemad's own.
      BEGIN
        IF decision ->> 'operation' = 'create_table' AND decision ->> 'expected_version' IS NOT NULL THEN
          -- Made again after somebody dropped it by hand: its fields are the new ones only.
          DELETE FROM schemad.schema_fields AS f
          USING schemad.schema_registry AS r
          WHERE r.name = decision #>> '{registry,name}' AND f.schema_id = r.id;
        END IF;
        IF decision ->> 'plan_sql' <> '' THEN
          PERFORM set_config('role', owner_role, true);
          EXECUTE decision ->> 'plan_sql';
          PERFORM set_config('role', caller_role, true);
          trials := schemad.prove_result(decision -> 'proof', policy.table_schema);
          IF trials IS NOT NULL THEN
            PERFORM set_config('role', owner_role, true);
            EXECUTE trials;
            PERFORM set_config('role', caller_role, true);
          END IF;
        END IF;
      EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, error = MESSAGE_TEXT;
        outcome := schemad.outcome_of(code, decision, policy);
      END;
      IF outcome = 'applied' AND decision ->> 'operation' = 'create_table' THEN
        made_for := made_for || jsonb_build_object(decision ->> 'requested_by',
          coalesce((made_for -> (decision ->> 'requested_by'))::integer, 0) + 1);
      END IF;
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
