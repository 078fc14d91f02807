CREATE OR REPLACE FUNCTION schemad.run_batch(policy schemad.policy, decisions jsonb, outcomes schemad.outcome[], prove_each boolean)
RETURNS schemad.outcome[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
-- The SQL runs as the owner of created tables, who can't touch anything of schemad's own.
DECLARE
  caller_role constant text := current_setting('role');
  owner_role constant text := coalesce(policy.owner_role::text, caller_role);
  decision record;
  code text;
  error text;
  proofs jsonb;
BEGIN
  PERFORM set_config('role', owner_role, true);
  FOR decision IN
    SELECT d.ordinality AS position, d.value ->> 'plan_sql' AS plan_sql, d.value ->> 'trials' AS trials,
      d.value -> 'proof' AS proof
    FROM jsonb_array_elements(decisions) WITH ORDINALITY AS d
  LOOP
    CONTINUE WHEN (outcomes[decision.position]).result IS NOT NULL;
    -- A subtransaction for each request, so that a bad one fails alone.
    BEGIN
      IF decision.plan_sql <> '' THEN
        EXECUTE decision.plan_sql;
      END IF;
      IF decision.trials <> '' THEN
        EXECUTE decision.trials;
      END IF;
      IF prove_each AND jsonb_typeof(decision.proof) = 'object' THEN
        PERFORM set_config('role', caller_role, true);
        PERFORM schemad.prove_batch(jsonb_build_array(decision.proof), policy.table_schema);
        PERFORM set_config('role', owner_role, true);
      END IF;
      outcomes[decision.position] := ROW('applied', NULL, NULL);
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, error = MESSAGE_TEXT;
      outcomes[decision.position] := ROW('failed', code, error);
    END;
  END LOOP;
  PERFORM set_config('role', caller_role, true);

  FOR position IN 1 .. coalesce(cardinality(outcomes), 0) LOOP
    IF (outcomes[position]).result = 'failed' THEN
      outcomes[position].result := schemad.outcome_of(
        (outcomes[position]).error_code, (decisions -> position - 1 ->> 'attempts')::integer, policy);
    END IF;
  END LOOP;
  IF NOT prove_each THEN
    SELECT jsonb_agg(d.decision -> 'proof') INTO proofs
    FROM ROWS FROM (jsonb_array_elements(decisions), unnest(outcomes)) AS d (decision, result, code, message)
    WHERE d.result = 'applied' AND jsonb_typeof(d.decision -> 'proof') = 'object';
    PERFORM schemad.prove_batch(proofs, policy.table_schema);
  END IF;
  RETURN outcomes;
END
$function$;

COMMENT ON FUNCTION schemad.run_batch(schemad.policy, jsonb, schemad.outcome[], boolean) IS
  'Runs the SQL of those decisions of a batch that have no outcome yet, and proves what they made: each for itself, or, which is faster, all at the end; then SD001 is raised at a difference. Internal to the daemon.';
