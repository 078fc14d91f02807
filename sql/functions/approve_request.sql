CREATE OR REPLACE FUNCTION schemad.approve_request(request_id integer, reason text, plan_digest text DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off -- by its key, also in a session that began when there were few requests
SET jit = off
AS $function$
DECLARE
  request schemad.schema_requests := schemad.pending_request(request_id, 'approved');
  refusal jsonb;
BEGIN
  PERFORM schemad.require_reason(reason);
  IF request.verdict IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('request %s can''t be approved: it has not been assessed', request_id),
      HINT = 'An approval is for the plan that the daemon shows: wait for it with schemad.wait_for_request().';
  ELSIF schemad.caller() IN (request.requested_by, request.requested_login)
    OR session_user IN (request.requested_by, request.requested_login) THEN
    IF NOT (SELECT p.allow_self_approval FROM schemad.policy AS p) THEN
      RAISE EXCEPTION USING
        ERRCODE = 'insufficient_privilege',
        MESSAGE = format('request %s can''t be approved by %s, who asked for it', request_id, schemad.caller()),
        DETAIL = 'Rule review.four_eyes.',
        HINT = 'Have another reviewer approve it, or set allow_self_approval in schemad.policy.';
    END IF;
  END IF;

  SELECT f.value INTO refusal
  FROM jsonb_array_elements(request.findings) AS f
  WHERE f.value ->> 'severity' = 'refuse'
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING
      ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('request %s can''t be approved by anybody', request_id),
      DETAIL = format('%s. Rule %s: no approval lifts it.', concat_ws(': ', refusal ->> 'field', refusal ->> 'message'),
        refusal ->> 'rule'),
      HINT = coalesce(refusal ->> 'hint', 'Reject it, and have a mended one submitted.');
  END IF;

  IF plan_digest <> coalesce(schemad.plan_digest(request), 'none') THEN
    RAISE EXCEPTION USING
      ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('request %s can''t be approved: its plan is not the one that you saw', request_id),
      DETAIL = format('Rule review.plan_changed: you gave the digest %L, and that of the plan is %s.', left(plan_digest, 64),
        coalesce(schemad.plan_digest(request), 'none')),
      HINT = 'Read plan_sql and why in schemad.pending_requests again, and approve with the plan_digest beside them.';
  END IF;

  UPDATE schemad.schema_requests AS r
  SET verdict = NULL, decided_by = schemad.caller(), decision_reason = reason, attempts = 0, next_attempt_at = NULL
  WHERE r.id = request_id;
  RETURN request_id;
END
$function$;

COMMENT ON FUNCTION schemad.approve_request(integer, text, text) IS
  'Has the daemon apply a held request, as its plan_sql says, with your reason. Example: SELECT schemad.approve_request(42, ''agreed with the team''). With the plan_digest that schemad.pending_requests showed you it is refused where the plan or the rules of the findings have changed since. Not for one''s own requests, unless the policy says so.';
