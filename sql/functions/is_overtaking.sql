CREATE OR REPLACE FUNCTION schemad.is_overtaking(request_id integer, table_name text, role_name name, leave_out integer[])
RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
-- A function, so that it is asked of one request at a time, by the index: joined, all that wait would be looked through.
BEGIN
  RETURN EXISTS (
    SELECT FROM schemad.schema_requests AS q
    WHERE num_nulls(q.processed_at, q.verdict) = 2
      AND lower(q.schema_name COLLATE "C") = lower(table_name COLLATE "C") AND q.id < request_id
      AND q.requested_by = role_name
      AND (q.next_attempt_at IS NOT NULL OR q.id = ANY (leave_out)));
END
$function$;

COMMENT ON FUNCTION schemad.is_overtaking(integer, text, name, integer[]) IS
  'Whether an earlier request of the role for the table waits, as it was put off or is one of the given ones: what is to be done for this one depends on what becomes of that. Internal to the daemon.';
