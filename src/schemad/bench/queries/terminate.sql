-- Ends a session, and tells whether it was gone within 5 s.
SELECT pg_terminate_backend($1, 5000)
