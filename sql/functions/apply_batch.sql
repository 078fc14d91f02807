CREATE OR REPLACE FUNCTION schemad.apply_batch(policy_version integer, decisions jsonb)
RETURNS TABLE (request_id integer, result text, error_code text, error_message text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
-- Claims, applies and records a batch in the caller's transaction; a single call of it is the whole transaction.
-- A decision has: request_id, attempts and approved_by as they were read, verdict, findings, plan_sql and is_approved
-- (whether a person approved that plan); for what is to be applied now apply = true, operation, trials, proof, summary,
-- requested_by, decided_by, decision_reason, expected_id and expected_version (of the registry's row, as they were read)
-- and registry {name, description, fields, added}; error_code and error_message where applying it alone broke off the
-- call.
DECLARE
  policy schemad.policy;
  outcomes schemad.outcome[];
BEGIN
  SELECT p.* INTO policy FROM schemad.policy AS p;
  IF policy.version IS DISTINCT FROM policy_version THEN
    RETURN QUERY
    SELECT (d.value ->> 'request_id')::integer, 'stale', NULL::text, NULL::text
    FROM jsonb_array_elements(decisions) AS d;
    RETURN;
  END IF;

  outcomes := schemad.claim_batch(policy, decisions);
  IF jsonb_array_length(decisions) = 1 THEN
    outcomes := schemad.run_batch(policy, decisions, outcomes, true);
  ELSE
    -- What was made is proven for all of them at once, in one query. Where that finds a difference, the batch is undone and
    -- run again with a proof for each, so that the one that differs fails alone.
    BEGIN
      outcomes := schemad.run_batch(policy, decisions, outcomes, false);
    EXCEPTION WHEN SQLSTATE 'SD001' THEN
      outcomes := schemad.run_batch(policy, decisions, outcomes, true);
    END;
  END IF;
  PERFORM schemad.record_batch(policy, decisions, outcomes);
  -- The commit waits for every other one in the server that notifies. That is no lock of a request's: however many there
  -- are, its turn comes, and a batch that gave up would only be done again.
  PERFORM set_config('lock_timeout', '0', true);

  RETURN QUERY
  SELECT (d.decision ->> 'request_id')::integer, d.result, d.error_code, d.error_message
  FROM ROWS FROM (jsonb_array_elements(decisions), unnest(outcomes))
    AS d (decision, result, error_code, error_message);
END
$function$;

COMMENT ON FUNCTION schemad.apply_batch(integer, jsonb) IS
  'Claims the requests of a batch, runs the SQL that was planned for each in a subtransaction of its own, and records every outcome. Internal to the daemon.';
