-- An empty queue, and empty indexes.
TRUNCATE schemad.schema_requests, public.bare_requests
