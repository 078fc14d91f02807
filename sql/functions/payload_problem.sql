CREATE OR REPLACE FUNCTION schemad.payload_problem(request_payload jsonb, OUT rule text, OUT given text)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
  max_payload_bytes constant integer := (SELECT p.max_payload_bytes FROM schemad.policy AS p);
  payload_bytes integer;
BEGIN
  IF request_payload IS NULL OR jsonb_typeof(request_payload) <> 'object' THEN
    rule := 'payload.not_object';
    given := coalesce(jsonb_typeof(request_payload), 'NULL');
    RETURN;
  END IF;

  payload_bytes := pg_column_size(request_payload || '{}'); -- || unpacks what comes compressed from another table
  IF payload_bytes <= max_payload_bytes THEN
    -- As text, too, which is what daemons read: the number 1e131071 takes eight bytes stored and 131,072 written.
    payload_bytes := octet_length(request_payload::text);
  END IF;
  IF payload_bytes > max_payload_bytes THEN
    rule := 'payload.too_large';
    given := payload_bytes || ' bytes; the policy allows ' || max_payload_bytes;
    RETURN;
  END IF;

  SELECT k INTO given
  FROM jsonb_object_keys(request_payload) AS k
  WHERE k NOT IN ('description', 'fields', 'primary_key', 'unique', 'checks', 'indexes', 'action')
  LIMIT 1;
  IF FOUND THEN
    rule := 'payload.unknown_key';
  ELSIF jsonb_typeof(request_payload -> 'description') NOT IN ('string', 'null') THEN
    rule := 'payload.wrong_type';
    given := 'description';
  ELSIF request_payload ->> 'action' NOT IN ('ensure', 'deprecate', 'restore', 'drop') THEN
    rule := 'payload.action_unknown';
    given := request_payload ->> 'action';
  END IF;
END
$function$;

COMMENT ON FUNCTION schemad.payload_problem(jsonb) IS
  'The first rule that a payload breaks, its fields left aside, with what was given; NULL when it is sound.';
