-- One request, once it is assessed or decided.
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
FROM schemad.wait_for_request($1::integer, make_interval(secs => $2::double precision)) AS r
