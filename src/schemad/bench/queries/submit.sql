-- Submits a request, as an application does.
SELECT schemad.submit_request('bench', $1::text, $2::jsonb)
