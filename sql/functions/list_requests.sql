CREATE OR REPLACE FUNCTION schemad.list_requests(
  status text DEFAULT NULL,
  requester_user_id text DEFAULT NULL,
  row_limit integer DEFAULT 50,
  row_offset integer DEFAULT 0
) RETURNS SETOF schemad.schema_requests
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
-- What is not asked for leaves no condition, so that an index can be used for what is; a table that was small when it
-- was last analysed is not scanned; nor is an index of everybody's for what one of the role's own has.
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $function$
#variable_conflict use_column
DECLARE
  caller constant name := schemad.caller();
  -- Those who may read the audit, reviewers and daemons.
  sees_all constant boolean := has_table_privilege(caller, 'schemad.schema_changes_audit', 'SELECT');
BEGIN
  IF list_requests.status NOT IN ('pending', 'approved', 'rejected', 'cancelled') THEN
    RAISE EXCEPTION USING
      ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('unknown status %L', list_requests.status),
      HINT = 'A status is pending, approved, rejected or cancelled; NULL is all of them.';
  ELSIF (row_limit BETWEEN 1 AND 1000 AND row_offset >= 0) IS NOT TRUE THEN
    RAISE EXCEPTION USING
      ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('row_limit %L, row_offset %L are out of range', row_limit, row_offset),
      HINT = 'row_limit is 1 to 1000, row_offset 0 or more.';
  END IF;
  IF sees_all OR list_requests.requester_user_id IS NOT NULL THEN
    RETURN QUERY
    SELECT r.*
    FROM schemad.schema_requests AS r
    WHERE (sees_all OR r.requested_by = caller)
      AND (list_requests.status IS NULL OR r.status = list_requests.status)
      -- The same once more for what is pending, as the index of those has it.
      AND (list_requests.status IS DISTINCT FROM 'pending' OR r.processed_at IS NULL)
      AND (list_requests.requester_user_id IS NULL OR r.requester_user_id = list_requests.requester_user_id)
    ORDER BY r.id DESC
    LIMIT row_limit OFFSET row_offset;
    RETURN;
  END IF;
  -- By the time, as an index has the requests of a role: by their ids those of all roles would be read, until there are
  -- enough of one that asked for little.
  RETURN QUERY
  SELECT r.*
  FROM schemad.schema_requests AS r
  WHERE r.requested_by = caller
    AND (list_requests.status IS NULL OR r.status = list_requests.status)
    AND (list_requests.status IS DISTINCT FROM 'pending' OR r.processed_at IS NULL)
  ORDER BY r.created_at DESC, r.id DESC
  LIMIT row_limit OFFSET row_offset;
END
$function$;

COMMENT ON FUNCTION schemad.list_requests(text, text, integer, integer) IS
  'Requests that the caller may see, newest first. Example: SELECT id, schema_name, verdict FROM schemad.list_requests(status => ''pending'').';
