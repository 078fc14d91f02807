CREATE OR REPLACE FUNCTION schemad.submit_request(
  requester_user_id text,
  schema_name text,
  request_payload jsonb,
  idempotency_key text DEFAULT NULL
) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
#variable_conflict use_column
DECLARE
  request_id integer;
  earlier record;
BEGIN
  -- Longer than their columns: told here, as the trigger never gets to see such a row.
  IF length(submit_request.requester_user_id) > 255 THEN
    PERFORM schemad.raise_problem('request.requester_missing', NULL, NULL, submit_request.schema_name);
  ELSIF length(submit_request.schema_name) > 255 THEN
    PERFORM schemad.raise_problem('name.too_long', NULL, submit_request.schema_name, submit_request.schema_name);
  END IF;

  -- Asking again is no further request, and so under no limit: the trigger is not to see it.
  IF submit_request.idempotency_key IS NULL OR NOT EXISTS (
    SELECT FROM schemad.schema_requests AS r
    WHERE r.requested_by = schemad.caller() AND r.idempotency_key = submit_request.idempotency_key
  ) THEN
    INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload, idempotency_key)
    VALUES (submit_request.requester_user_id, submit_request.schema_name, submit_request.request_payload,
      submit_request.idempotency_key)
    ON CONFLICT (requested_by, idempotency_key) DO NOTHING
    RETURNING id INTO request_id;
  END IF;

  IF request_id IS NULL THEN
    SELECT r.id, r.schema_name, r.request_payload INTO earlier
    FROM schemad.schema_requests AS r
    WHERE r.requested_by = schemad.caller() AND r.idempotency_key = submit_request.idempotency_key;
    IF (earlier.schema_name, earlier.request_payload)
      IS DISTINCT FROM (submit_request.schema_name::varchar, submit_request.request_payload) THEN
      RAISE EXCEPTION USING
        ERRCODE = 'unique_violation',
        MESSAGE = format('idempotency_key %L was used for another request, %s', submit_request.idempotency_key, earlier.id),
        DETAIL = format('Rule request.key_reused, request for table %L.', submit_request.schema_name),
        HINT = 'The same key means the same request: take a new key for a new one.';
    END IF;
    request_id := earlier.id;
  END IF;
  RETURN request_id;
END
$function$;

COMMENT ON FUNCTION schemad.submit_request(text, text, jsonb, text) IS
  'Asks for a table, or for new fields in one. Returns the request''s id. Example: SELECT schemad.submit_request(''user123'', ''notes'', ''{"fields": [{"name": "title", "type": "text"}]}''). The same idempotency_key again returns the first request.';
