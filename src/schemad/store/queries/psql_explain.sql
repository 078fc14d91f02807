SELECT r.id, r.schema_name, r.requester_user_id, r.requested_by, r.status, r.verdict, r.created_at,
  schemad.request_message(r) AS message,
  (
    SELECT string_agg(concat_ws(' ',
      f.value ->> 'severity', '[' || (f.value ->> 'rule') || ']', (f.value ->> 'field') || ':', f.value ->> 'message',
      '(' || (f.value ->> 'hint') || ')'), E'\n' ORDER BY f.ordinality)
    FROM jsonb_array_elements(r.findings) WITH ORDINALITY AS f
  ) AS findings,
  r.plan_sql, schemad.plan_digest(r) AS plan_digest, r.attempts, r.last_error
FROM schemad.schema_requests AS r
WHERE r.id =
