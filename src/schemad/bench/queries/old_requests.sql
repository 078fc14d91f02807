-- So many requests that were applied long ago. $1: how many. $2: payload.
INSERT INTO schemad.schema_requests
  (requester_user_id, schema_name, request_payload, status, verdict, created_at, processed_at, attempts, decided_by)
SELECT concat('user', n % 1000), concat('old_', n), $2::jsonb, 'approved', 'auto', t.moment, t.moment, 1, 'schemad'
FROM generate_series(1, $1::integer) AS n
CROSS JOIN LATERAL (SELECT now() - interval '1 year' + n * interval '1 second' AS moment) AS t
