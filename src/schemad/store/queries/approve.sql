-- Approves a held request, with a reason.
SELECT schemad.approve_request($1::integer, $2::text)
