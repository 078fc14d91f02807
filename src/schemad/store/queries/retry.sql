-- Has a held or failed request assessed again.
SELECT schemad.retry_request($1::integer)
