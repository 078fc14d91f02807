CREATE OR REPLACE FUNCTION schemad.retry_request(request_id integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off -- by its key, also in a session that began when there were few requests
SET jit = off
AS $function$
DECLARE
  is_reviewer constant boolean := schemad.may_approve(schemad.caller());
  request schemad.schema_requests := schemad.pending_request(request_id, 'retried');
  -- As in approve_request(): who asked for it is no second pair of eyes.
  keeps_approval constant boolean := is_reviewer AND (
    (SELECT p.allow_self_approval FROM schemad.policy AS p)
    OR NOT (schemad.caller() IN (request.requested_by, request.requested_login)
      OR session_user IN (request.requested_by, request.requested_login)));
BEGIN
  -- Another look costs the daemon as much as another request.
  IF NOT is_reviewer AND request.retried_at > clock_timestamp() - interval '1 minute'
    AND (SELECT p.requests_per_minute FROM schemad.policy AS p) IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'configuration_limit_exceeded',
      MESSAGE = format('request %s has been retried within a minute', request_id),
      DETAIL = format('Rule limit.retries, request for table %L.', request.schema_name),
      HINT = format('Come back in %s s.',
        ceil(extract(epoch FROM request.retried_at + interval '1 minute' - clock_timestamp())));
  END IF;
  UPDATE schemad.schema_requests AS r
  SET verdict = NULL, attempts = 0, next_attempt_at = NULL,
    retried_at = CASE WHEN is_reviewer THEN r.retried_at ELSE clock_timestamp() END,
    -- An approval is for what the reviewer saw: only one who might give it takes it along to another try.
    decided_by = CASE WHEN keeps_approval THEN r.decided_by END,
    decision_reason = CASE WHEN keeps_approval THEN r.decision_reason END
  WHERE r.id = request_id;
  RETURN request_id;
END
$function$;

COMMENT ON FUNCTION schemad.retry_request(integer) IS
  'Has a held or failed request assessed again, such as after a change of the policy or of the database. A requester''s retry takes no earlier approval along; a reviewer''s does, but for a request of its own without allow_self_approval; where the policy limits requests by the minute, a requester may retry each request once a minute. Example: SELECT schemad.retry_request(42).';
