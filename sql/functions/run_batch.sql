CREATE OR REPLACE FUNCTION schemad.run_batch(policy schemad.policy, decisions jsonb, outcomes schemad.outcome[], prove_each boolean)
RETURNS schemad.outcome[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
-- The SQL runs as the owner of created tables, who can't touch anything of schemad's own: through run_as_owner(), where that
-- belongs to it; by SET ROLE, where it does not, and then only what is on the allow-list; as the daemon, where the policy
-- names no owner.
DECLARE
  caller_role constant text := current_setting('role');
  has_barrier constant boolean := policy.owner_role = (
    SELECT pg_get_userbyid(p.proowner) FROM pg_proc AS p WHERE p.oid = 'schemad.run_as_owner(text)'::regprocedure);
  decision record;
  kept_waiting text[] := '{}'; -- roles whose request ran into a lock
  code text;
  error text;
  proofs jsonb;
BEGIN
  FOR decision IN
    SELECT d.ordinality AS position, d.value ->> 'requested_by' AS requested_by,
      concat(d.value ->> 'guards', d.value ->> 'plan_sql', d.value ->> 'trials') AS script,
      d.value -> 'proof' AS proof, (d.value ->> 'uses_others_code')::boolean AS uses_others_code
    FROM jsonb_array_elements(decisions) WITH ORDINALITY AS d
  LOOP
    CONTINUE WHEN (outcomes[decision.position]).result IS NOT NULL;
    -- Somebody may hold the names of a whole batch: a role waits for one lock in it, and others not for its locks.
    IF decision.requested_by = ANY (kept_waiting) THEN
      outcomes[decision.position] := ROW('stale', NULL, NULL);
      CONTINUE;
    END IF;
    -- A subtransaction for each request, so that a bad one fails alone.
    BEGIN
      IF decision.script = '' THEN
        NULL; -- only the registry changes
      ELSIF has_barrier THEN
        PERFORM schemad.run_as_owner(decision.script);
        IF decision.uses_others_code THEN
          PERFORM schemad.require_nothing_deferred();
        END IF;
      ELSIF decision.uses_others_code AND policy.owner_role IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format(
          'it has a type of somebody''s, or what only a person let through, which runs only where plans can''t become the daemon: '
          'ALTER FUNCTION schemad.run_as_owner(text) OWNER TO %I', policy.owner_role);
      ELSE
        PERFORM set_config('role', coalesce(policy.owner_role, caller_role), true);
        EXECUTE decision.script;
        PERFORM set_config('role', caller_role, true);
      END IF;
      IF prove_each AND jsonb_typeof(decision.proof) = 'object' THEN
        PERFORM schemad.prove_batch(jsonb_build_array(decision.proof), policy);
      END IF;
      outcomes[decision.position] := ROW('applied', NULL, NULL);
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, error = MESSAGE_TEXT;
      -- The locks of the whole batch don't fit into the server's table of them: the daemon sends it again in halves.
      IF code = '53200' AND jsonb_array_length(decisions) > 1 THEN
        RAISE;
      ELSIF code = '55P03' THEN
        kept_waiting := kept_waiting || decision.requested_by;
      END IF;
      outcomes[decision.position] := ROW('failed', code, error);
    END;
  END LOOP;
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
    PERFORM schemad.prove_batch(proofs, policy);
  END IF;
  RETURN outcomes;
END
$function$;

COMMENT ON FUNCTION schemad.run_batch(schemad.policy, jsonb, schemad.outcome[], boolean) IS
  'Runs the SQL of those decisions of a batch that have no outcome yet, and proves what they made: each for itself, or, which is faster, all at the end; then SD001 is raised at a difference. Internal to the daemon.';
