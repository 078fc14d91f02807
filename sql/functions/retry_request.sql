CREATE OR REPLACE FUNCTION schemad.retry_request(request_id integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM schemad.pending_request(request_id, 'retried');
  UPDATE schemad.schema_requests AS r
  SET verdict = NULL, attempts = 0, next_attempt_at = NULL
  WHERE r.id = request_id;
  RETURN request_id;
END
$function$;

COMMENT ON FUNCTION schemad.retry_request(integer) IS
  'Has a held or failed request assessed again, such as after a change of the policy or of the database. Example: SELECT schemad.retry_request(42).';
