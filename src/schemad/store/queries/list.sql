-- Requests, newest first.
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
FROM schemad.list_requests($1::text, $2::text, $3::integer, $4::integer) AS r
