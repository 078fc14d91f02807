-- Submits requests for the tables <$1>_1 to <$1>_<$2>, with the payload $3, all in one commit.
-- Of each $4 the middle one has the payload $5.
INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload)
SELECT 'bench', concat($1::text, '_', n), CASE WHEN n % $4::integer = $4 / 2 THEN $5::jsonb ELSE $3::jsonb END
FROM generate_series(1, $2::integer) AS n
