CREATE OR REPLACE FUNCTION schemad.cancel_request(request_id integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off -- by its key, also in a session that began when there were few requests
SET jit = off
AS $function$
BEGIN
  PERFORM schemad.pending_request(request_id, 'cancelled');
  UPDATE schemad.schema_requests AS r
  SET status = 'cancelled', decided_by = schemad.caller(), decision_reason = 'withdrawn', processed_at = clock_timestamp()
  WHERE r.id = request_id;
  PERFORM schemad.tell_requester(request_id);
  RETURN request_id;
END
$function$;

COMMENT ON FUNCTION schemad.cancel_request(integer) IS
  'Withdraws a pending request: one''s own, or, for reviewers, anybody''s. Example: SELECT schemad.cancel_request(42).';
