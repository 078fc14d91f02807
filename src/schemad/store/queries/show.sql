-- One request.
SELECT
  r.id,
  r.schema_name,
  r.requester_user_id,
  r.requested_by::text,
  r.status,
  r.verdict,
  r.findings,
  r.plan_sql,
  r.request_payload,
  r.created_at,
  r.processed_at,
  r.decided_by,
  r.decision_reason,
  r.attempts,
  r.next_attempt_at,
  r.last_error,
  schemad.request_message(r) AS message
FROM schemad.schema_requests AS r
WHERE r.id = $1
