CREATE OR REPLACE FUNCTION schemad.fields_problem(fields jsonb, OUT rule text, OUT field text, OUT given text)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
BEGIN
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
      WHEN problem.rule IN ('payload.unknown_key', 'field.name_missing', 'field.type_missing') THEN (
        SELECT k FROM jsonb_object_keys(f.value) AS k
        WHERE k NOT IN ('name', 'type', 'nullable', 'default', 'unique', 'description', 'references', 'metadata')
        LIMIT 1)
      WHEN problem.rule = 'payload.wrong_type' THEN schemad.wrong_type_key(f.value)
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
      WHEN schemad.wrong_type_key(f.value) IS NOT NULL THEN 'payload.wrong_type'
      WHEN f.occurrence > 1 THEN 'field.duplicate'
      ELSE coalesce(schemad.name_problem(f.name), schemad.type_problem(f.type))
    END AS rule
  ) AS problem
  WHERE problem.rule IS NOT NULL
  ORDER BY f.position
  LIMIT 1;
END
$function$;

COMMENT ON FUNCTION schemad.fields_problem(jsonb) IS
  'The first rule that the fields of a payload break, with the field and what was given; all NULL when they are sound.';
