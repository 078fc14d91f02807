-- Withdraws a pending request.
SELECT schemad.cancel_request($1::integer)
