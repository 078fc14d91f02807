-- The same insert, where no trigger looks at it.
INSERT INTO public.bare_requests (requester_user_id, schema_name, request_payload)
VALUES ('bench', $1, $2)
