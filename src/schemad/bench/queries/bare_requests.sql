-- The table of requests with its constraints and indexes, and without triggers.
CREATE TABLE public.bare_requests (LIKE schemad.schema_requests INCLUDING ALL)
