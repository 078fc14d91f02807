-- The same, where no trigger looks at it.
INSERT INTO public.bare_requests (requester_user_id, schema_name, request_payload)
SELECT 'bench', concat('bulk_', n), $2::jsonb
FROM generate_series(1, $1::integer) AS n
