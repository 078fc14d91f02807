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
BEGIN
  IF requester_user_id IS NULL OR btrim(requester_user_id) = '' OR length(requester_user_id) > 255 THEN
    rule := 'request.requester_missing';
    RETURN;
  END IF;
  given := schemad.misleading_character(requester_user_id);
  IF given IS NOT NULL THEN
    rule := 'request.control_character';
    field := 'requester_user_id';
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

  SELECT p.rule, p.given INTO rule, given FROM schemad.payload_problem(request_payload) AS p;
  -- The other actions are about the table as it is: they bring no fields.
  IF rule IS NULL AND coalesce(request_payload ->> 'action', 'ensure') = 'ensure' THEN
    SELECT p.rule, p.field, p.given INTO rule, field, given FROM schemad.fields_problem(request_payload -> 'fields') AS p;
  END IF;
END
$function$;

COMMENT ON FUNCTION schemad.shape_problem(text, text, jsonb) IS
  'The first rule that a request''s shape breaks, with the field and what was given; all NULL when the shape is sound. The daemon judges the rest.';
