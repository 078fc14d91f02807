CREATE OR REPLACE FUNCTION schemad.reject_request(request_id integer, reason text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off -- by its key, also in a session that began when there were few requests
SET jit = off
AS $function$
BEGIN
  PERFORM schemad.require_reason(reason);
  PERFORM schemad.pending_request(request_id, 'rejected');
  UPDATE schemad.schema_requests AS r
  SET status = 'rejected', decided_by = schemad.caller(), decision_reason = reason, processed_at = clock_timestamp()
  WHERE r.id = request_id;
  PERFORM schemad.tell_requester(request_id);
  RETURN request_id;
END
$function$;

COMMENT ON FUNCTION schemad.reject_request(integer, text) IS
  'Turns a pending request down; the requester gets the reason. Example: SELECT schemad.reject_request(42, ''use the table orders'').';
