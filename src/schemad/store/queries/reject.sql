-- Turns a pending request down, with a reason.
SELECT schemad.reject_request($1::integer, $2::text)
