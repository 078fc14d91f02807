CREATE OR REPLACE FUNCTION schemad.claim_batch(policy schemad.policy, decisions jsonb) RETURNS schemad.outcome[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- One plan for one request and for two hundred, that looks each of them up by its key.
SET plan_cache_mode = force_generic_plan
SET jit = off -- disabling a kind of scan makes it dear, which would have each call compiled
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_material = off
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $function$
-- What is known of each decision before anything is run; NULL for those that are to run.
DECLARE
  outcomes schemad.outcome[];
  stale constant schemad.outcome := ROW('stale', NULL, NULL);
  decision jsonb;
  made_for jsonb := '{}'; -- tables that this batch is to make, by role
  made_now integer;
  of_role text;
  is_free boolean; -- a statement of its own, as above
BEGIN
  -- A request is claimed as it was when it was decided on: neither approved, put off nor tried since. The lock on its
  -- table is taken in a statement before the one that reads the table's version: only that one sees what the lock's last holder
  -- has committed.
  SELECT array_agg(CASE
      WHEN q.id IS NULL THEN ROW('taken', NULL, NULL)::schemad.outcome
      WHEN d.error_code IS NOT NULL
        THEN ROW(schemad.outcome_of(d.error_code, d.attempts, policy), d.error_code, d.error_message)::schemad.outcome
      WHEN d.apply IS NOT TRUE THEN ROW('held', NULL, NULL)::schemad.outcome
      -- pg_locks shows the key to everybody while it is held: with the version in it, nobody needs that key again.
      WHEN NOT pg_try_advisory_xact_lock(schemad.lock_key('table', concat_ws(' ', d.registry ->> 'name', d.expected_version)))
        THEN stale
    END ORDER BY d.position) INTO outcomes
  FROM ROWS FROM (
    jsonb_to_recordset(decisions) AS (request_id integer, attempts integer, approved_by text, apply boolean,
      error_code text, error_message text, registry jsonb, expected_version integer)
  ) WITH ORDINALITY
    AS d (request_id, attempts, approved_by, apply, error_code, error_message, registry, expected_version, position)
  LEFT JOIN LATERAL (
    SELECT r.id FROM schemad.schema_requests AS r
    WHERE r.id = d.request_id AND r.status = 'pending' AND r.verdict IS NULL
      AND r.decided_by IS NOT DISTINCT FROM d.approved_by
      AND r.attempts = d.attempts
      AND (r.next_attempt_at IS NULL OR r.next_attempt_at <= clock_timestamp())
    FOR UPDATE SKIP LOCKED
  ) AS q ON true;

  SELECT array_agg(CASE WHEN d.result IS NOT NULL THEN ROW(d.result, d.code, d.message)::schemad.outcome
      -- The id as well: a table may have been dropped and made again.
      WHEN coalesce((SELECT ARRAY[r.id, r.version] FROM schemad.schema_registry AS r WHERE r.name = d.decision #>> '{registry,name}'),
          ARRAY[NULL, NULL]::integer[])
        <> ARRAY[(d.decision ->> 'expected_id')::integer, (d.decision ->> 'expected_version')::integer] THEN stale
    END ORDER BY d.position) INTO outcomes
  FROM ROWS FROM (jsonb_array_elements(decisions), unnest(outcomes))
    WITH ORDINALITY AS d (decision, result, code, message, position);

  -- Over its quota a role's request is assessed anew, and held. Daemons count one after the other. What a person approved
  -- is told by approved_by: decided_by may well be a reviewer's role of the name schemad.
  IF num_nonnulls(policy.tables_per_day, policy.tables_in_all) > 0 THEN
    FOR position IN 1 .. coalesce(cardinality(outcomes), 0) LOOP
      decision := decisions -> position - 1;
      CONTINUE WHEN (outcomes[position]).result IS NOT NULL OR decision ->> 'operation' <> 'create_table'
        OR decision ->> 'approved_by' IS NOT NULL;
      of_role := decision ->> 'requested_by';
      made_now := coalesce((made_for -> of_role)::integer, 0);
      is_free := schemad.take_quota_turn(of_role);
      IF is_free AND schemad.is_within_quota(of_role, made_now) THEN
        made_for := made_for || jsonb_build_object(of_role, made_now + 1);
      ELSE
        outcomes[position] := stale;
      END IF;
    END LOOP;
  END IF;
  RETURN outcomes;
END
$function$;

COMMENT ON FUNCTION schemad.claim_batch(schemad.policy, jsonb) IS
  'Locks the requests of a batch and the names of their tables, and tells which of them are not to be run now, and why. Internal to the daemon.';
