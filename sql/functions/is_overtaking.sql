CREATE OR REPLACE FUNCTION schemad.is_overtaking(request_id integer, table_name text, role_name name, leave_out integer[])
RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
-- One plan, by index, however few were put off when it was made.
SET plan_cache_mode = force_generic_plan
SET jit = off -- disabling a kind of scan makes it dear, which would have each call compiled
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $function$
-- A function, so that it is asked of one request at a time: joined, all that wait would be looked through.
BEGIN
  RETURN EXISTS (
    SELECT FROM schemad.schema_requests AS q
    WHERE num_nulls(q.verdict, q.processed_at) = 2 AND q.next_attempt_at IS NOT NULL
      AND q.requested_by = role_name AND lower(q.schema_name COLLATE "C") = lower(table_name COLLATE "C")
      AND q.id < request_id AND q.id <> ALL (leave_out));
END
$function$;

COMMENT ON FUNCTION schemad.is_overtaking(integer, text, name, integer[]) IS
  'Whether an earlier request of the role for the table was put off, but for the given ones: what is to be done for this one depends on what becomes of that. Internal to the daemon.';
