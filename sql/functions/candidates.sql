CREATE OR REPLACE FUNCTION schemad.candidates(row_limit integer, leave_out integer[], busy_tables text[])
RETURNS TABLE (id integer, requester_user_id text, requested_by text, schema_name text, payload text, attempts integer,
  decided_by text, decision_reason text, approved_sql text, seen_rules text[], facts text, policy_version integer,
  found integer)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- One plan, by index, however many requests there were when it was made.
SET plan_cache_mode = force_generic_plan
SET jit = off -- disabling a kind of scan makes it dear, which would have each call compiled
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_material = off
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $function$
-- Nothing is locked here: the claim is made where they are applied, so that no lock waits for the daemon's own work. Of
-- those for one table only the first comes: what is to be done for the next depends on what becomes of it.
DECLARE
  ids constant integer[] := schemad.due_requests(row_limit, leave_out, busy_tables);
  has_quota constant boolean := (SELECT num_nonnulls(p.tables_per_day, p.tables_in_all) > 0 FROM schemad.policy AS p);
BEGIN
  RETURN QUERY
  SELECT r.id, r.requester_user_id::text, r.requested_by::text, r.schema_name::text, r.request_payload::text, r.attempts,
    r.decided_by, r.decision_reason,
    CASE WHEN r.decided_by IS NOT NULL THEN r.plan_sql END,
    array(SELECT f.value ->> 'rule' FROM jsonb_array_elements(r.findings) AS f),
    (
      schemad.table_facts(schemad.fold(r.schema_name))
      || CASE WHEN r.request_payload @? '$.fields[*].references' THEN schemad.reference_facts(r.request_payload, r.id) ELSE '{}' END
      || CASE WHEN has_quota THEN schemad.quota_facts(r.requested_by) ELSE '{}' END
    )::text,
    (SELECT p.version FROM schemad.policy AS p),
    cardinality(ids)
  FROM (
    SELECT i.id, row_number() OVER (PARTITION BY schemad.fold(q.schema_name) ORDER BY i.id) AS place
    FROM unnest(ids) AS i (id)
    JOIN schemad.schema_requests AS q ON q.id = i.id
  ) AS d
  JOIN schemad.schema_requests AS r ON r.id = d.id
  WHERE d.place = 1
  ORDER BY d.id;
END
$function$;

COMMENT ON FUNCTION schemad.candidates(integer, integer[], text[]) IS
  'Requests that are due, one for each table, with what the database holds under their names; found: how many are due, others for the same tables included. Internal to the daemon.';
