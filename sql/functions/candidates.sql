CREATE OR REPLACE FUNCTION schemad.candidates(row_limit integer, leave_out integer[], busy_tables text[])
RETURNS TABLE (id integer, requester_user_id text, requested_by text, schema_name text, payload text, attempts integer,
  decided_by text, decision_reason text, approved_sql text, seen_rules text[], facts text, policy_version integer,
  due_count integer, waited double precision, was_put_off boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- One plan, by index, however many requests there were when it was made.
SET plan_cache_mode = force_generic_plan
SET jit = off -- disabling a kind of scan makes it dear, which would have each call compiled
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $function$
-- Nothing is locked here: the claim is made where they are applied, so that no lock waits for the daemon's own work. Of
-- those for one table only the first comes: what is to be done for the next depends on what becomes of it.
-- A loop, as most often there is one request: starting a query that joins all of it took three times as long.
DECLARE
  ids constant integer[] := schemad.due_requests(row_limit, leave_out, busy_tables);
  has_quota boolean;
  request schemad.schema_requests;
  table_name text;
  tables text[] := '{}';
  unused text[] := '{}';
  known jsonb;
BEGIN
  IF ids = '{}' THEN
    RETURN;
  END IF;
  due_count := cardinality(ids);
  SELECT p.version, num_nonnulls(p.tables_per_day, p.tables_in_all) > 0 INTO policy_version, has_quota
  FROM schemad.policy AS p;

  -- Most names of a backlog are new. For all of them that is told at once, which is quicker from the second on.
  IF due_count > 1 THEN
    unused := schemad.unused_names(
      array(SELECT DISTINCT schemad.fold(r.schema_name) FROM schemad.schema_requests AS r WHERE r.id = ANY (ids)));
  END IF;

  FOR request IN SELECT r.* FROM schemad.schema_requests AS r WHERE r.id = ANY (ids) ORDER BY r.id LOOP
    table_name := schemad.fold(request.schema_name);
    CONTINUE WHEN table_name = ANY (tables);
    tables := tables || table_name;

    known := CASE WHEN table_name = ANY (unused) THEN '{}' ELSE schemad.table_facts(table_name) END;
    IF request.request_payload @? '$.fields[*].references' THEN
      known := known || schemad.reference_facts(request.request_payload, request.id);
    END IF;
    IF has_quota THEN
      known := known || schemad.quota_facts(request.requested_by);
    END IF;
    id := request.id;
    requester_user_id := request.requester_user_id;
    requested_by := request.requested_by;
    schema_name := request.schema_name;
    payload := request.request_payload::text;
    attempts := request.attempts;
    decided_by := request.decided_by;
    decision_reason := request.decision_reason;
    approved_sql := CASE WHEN request.decided_by IS NOT NULL THEN request.plan_sql END;
    seen_rules := '{}';
    IF request.findings <> '[]' THEN
      seen_rules := array(SELECT f.value ->> 'rule' FROM jsonb_array_elements(request.findings) AS f);
    END IF;
    facts := known::text;
    was_put_off := request.next_attempt_at IS NOT NULL;
    waited := extract(EPOCH FROM clock_timestamp() - request.created_at);
    RETURN NEXT;
  END LOOP;
END
$function$;

COMMENT ON FUNCTION schemad.candidates(integer, integer[], text[]) IS
  'Requests that are due, one for each table, with what the database holds under their names; due_count: how many are due, others for the same tables included; waited: seconds since it was submitted. Internal to the daemon.';
