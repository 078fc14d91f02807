-- Submits a request.
SELECT schemad.submit_request($1::text, $2::text, $3::jsonb, $4::text)
