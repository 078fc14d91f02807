CREATE OR REPLACE FUNCTION schemad.shape_problem(
  requester_user_id text,
  schema_name text,
  request_payload jsonb,
  OUT rule text,
  OUT field text,
  OUT given text
) LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $function$
DECLARE
  fields jsonb;
  max_payload_bytes integer;
  payload_bytes integer;
BEGIN
  field := NULL;
  IF requester_user_id IS NULL OR btrim(requester_user_id) = '' OR length(requester_user_id) > 255 THEN
    rule := 'request.requester_missing';
    RETURN;
  END IF;

  given := schema_name;
  rule := schemad.name_problem(schema_name);
  IF rule IS NULL AND EXISTS (SELECT FROM schemad.protected_tables AS p WHERE p.name = schemad.fold(schema_name)) THEN
    rule := 'name.protected';
  END IF;
  IF rule IS NOT NULL THEN
    RETURN;
  END IF;

  IF request_payload IS NULL OR jsonb_typeof(request_payload) <> 'object' THEN
    rule := 'payload.not_object';
    given := coalesce(jsonb_typeof(request_payload), 'NULL');
    RETURN;
  END IF;
  SELECT p.max_payload_bytes INTO max_payload_bytes FROM schemad.policy AS p;
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
    RETURN;
  END IF;
  IF jsonb_typeof(request_payload -> 'description') NOT IN ('string', 'null') THEN
    rule := 'payload.wrong_type';
    given := 'description';
    RETURN;
  END IF;
  given := request_payload ->> 'action';
  IF given NOT IN ('ensure', 'deprecate', 'restore', 'drop') THEN
    rule := 'payload.action_unknown';
    RETURN;
  ELSIF given <> 'ensure' THEN
    RETURN; -- the other actions are about the table as it is: they bring no fields
  END IF;

  fields := request_payload -> 'fields';
  IF fields IS NULL OR jsonb_typeof(fields) <> 'array' OR jsonb_array_length(fields) = 0 THEN
    rule := 'payload.no_fields';
    given := coalesce(jsonb_typeof(fields), 'missing');
    RETURN;
  ELSIF jsonb_array_length(fields) > 1600 THEN
    rule := 'payload.too_many_fields';
    given := jsonb_array_length(fields)::text;
    RETURN;
  END IF;

  -- One query over all fields, first fault first: a request of ten fields costs one execution, not ten.
  SELECT problem.rule,
    concat_ws(' ', 'field', f.position, quote_ident(left(regexp_replace(f.name, '[[:cntrl:]]', '?', 'g'), 63))),
    CASE WHEN problem.rule LIKE 'type.%' THEN f.type
      WHEN problem.rule = 'payload.unknown_key' THEN (
        SELECT k FROM jsonb_object_keys(f.value) AS k
        WHERE k NOT IN ('name', 'type', 'nullable', 'default', 'unique', 'description', 'references', 'metadata')
        LIMIT 1)
      ELSE f.name END
  INTO rule, field, given
  FROM (
    SELECT e.value, e.ordinality AS position, e.value ->> 'name' AS name, e.value ->> 'type' AS type,
      row_number() OVER (PARTITION BY schemad.fold(e.value ->> 'name') ORDER BY e.ordinality) AS occurrence
    FROM jsonb_array_elements(fields) WITH ORDINALITY AS e
  ) AS f
  CROSS JOIN LATERAL (
    SELECT CASE
      WHEN jsonb_typeof(f.value) <> 'object' THEN 'field.not_object'
      WHEN jsonb_typeof(f.value -> 'name') IS DISTINCT FROM 'string' THEN 'field.name_missing'
      WHEN jsonb_typeof(f.value -> 'type') IS DISTINCT FROM 'string' THEN 'field.type_missing'
      WHEN f.value - '{name,type,nullable,default,unique,description,references,metadata}'::text[] <> '{}'
        THEN 'payload.unknown_key'
      WHEN jsonb_typeof(f.value -> 'nullable') NOT IN ('boolean', 'null')
        OR jsonb_typeof(f.value -> 'unique') NOT IN ('boolean', 'null')
        OR jsonb_typeof(f.value -> 'description') NOT IN ('string', 'null')
        OR jsonb_typeof(f.value -> 'references') NOT IN ('object', 'null')
        OR jsonb_typeof(f.value -> 'metadata') NOT IN ('object', 'null') THEN 'payload.wrong_type'
      WHEN f.occurrence > 1 THEN 'field.duplicate'
      ELSE coalesce(schemad.name_problem(f.name), schemad.type_problem(f.type))
    END AS rule
  ) AS problem
  WHERE problem.rule IS NOT NULL
  ORDER BY f.position
  LIMIT 1;
END
$function$;

COMMENT ON FUNCTION schemad.shape_problem(text, text, jsonb) IS
  'The first rule that a request''s shape breaks, with the field and what was given; all NULL when the shape is sound. The daemon judges the rest.';
