CREATE OR REPLACE FUNCTION schemad.prune(row_limit integer DEFAULT 10000)
RETURNS TABLE (table_name text, removed bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
-- The oldest rows by their index, whatever the statistics say, so that a call costs what it removes.
SET jit = off
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $function$
DECLARE
  policy schemad.policy;
  found_before bigint;
BEGIN
  IF row_limit > 0 IS NOT TRUE THEN
    RAISE EXCEPTION USING
      ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('row_limit %s is out of range', coalesce(row_limit::text, 'NULL')),
      HINT = 'row_limit is 1 or more: so many rows are removed at most.';
  END IF;
  SELECT p.* INTO policy FROM schemad.policy AS p;

  -- An age of NULL is older than nothing. Rows that another call removes are left to it.
  table_name := 'auto_create_log';
  DELETE FROM schemad.auto_create_log AS l
  WHERE l.id = ANY (array(
    SELECT o.id FROM schemad.auto_create_log AS o
    WHERE o.created_at < statement_timestamp() - policy.keep_logs
    ORDER BY o.created_at LIMIT row_limit
    FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN NEXT;
  row_limit := row_limit - removed;

  table_name := 'notifications';
  DELETE FROM schemad.notifications AS n
  WHERE n.id = ANY (array(
    SELECT o.id FROM schemad.notifications AS o
    WHERE o.delivered AND o.created_at < statement_timestamp() - policy.keep_delivered
    ORDER BY o.created_at LIMIT row_limit
    FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS found_before = ROW_COUNT;
  row_limit := row_limit - found_before;
  DELETE FROM schemad.notifications AS n
  WHERE n.id = ANY (array(
    SELECT o.id FROM schemad.notifications AS o
    WHERE NOT o.delivered AND o.created_at < statement_timestamp() - policy.keep_undelivered
    ORDER BY o.created_at LIMIT row_limit
    FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS removed = ROW_COUNT;
  row_limit := row_limit - removed;
  removed := removed + found_before;
  RETURN NEXT;

  table_name := 'schema_requests';
  DELETE FROM schemad.schema_requests AS r
  WHERE r.id = ANY (array(
    SELECT o.id FROM schemad.schema_requests AS o
    WHERE o.processed_at < statement_timestamp() - policy.keep_requests AND o.status <> 'pending'
    ORDER BY o.processed_at LIMIT row_limit
    FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN NEXT;
END
$function$;

COMMENT ON FUNCTION schemad.prune(integer) IS
  'Removes what is older than the policy keeps (keep_logs, keep_delivered, keep_undelivered, keep_requests), the oldest first and at most row_limit rows in all; says how many of each table. Daemons call it by themselves. Example: SELECT * FROM schemad.prune().';
