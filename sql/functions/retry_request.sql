CREATE OR REPLACE FUNCTION schemad.retry_request(request_id integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off -- by its key, also in a session that began when there were few requests
SET jit = off
AS $function$
DECLARE
  is_reviewer constant boolean := schemad.may_approve(schemad.caller());
BEGIN
  PERFORM schemad.pending_request(request_id, 'retried');
  UPDATE schemad.schema_requests AS r
  SET verdict = NULL, attempts = 0, next_attempt_at = NULL,
    -- An approval is for what the reviewer saw: only a reviewer takes it along to another try.
    decided_by = CASE WHEN is_reviewer THEN r.decided_by END,
    decision_reason = CASE WHEN is_reviewer THEN r.decision_reason END
  WHERE r.id = request_id;
  RETURN request_id;
END
$function$;

COMMENT ON FUNCTION schemad.retry_request(integer) IS
  'Has a held or failed request assessed again, such as after a change of the policy or of the database. A requester''s retry takes no earlier approval along; a reviewer''s does. Example: SELECT schemad.retry_request(42).';
