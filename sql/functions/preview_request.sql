CREATE OR REPLACE FUNCTION schemad.preview_request(schema_name text, request_payload jsonb)
RETURNS TABLE (rule text, severity text, field text, message text, hint text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $function$
-- What the database can tell at once: the first fault of the shape, and conflicts with what is there. Defaults, checks
-- and the SQL are the daemon's: schemad plan shows those.
DECLARE
  problem record;
  facts jsonb;
  is_ensure constant boolean := coalesce(request_payload ->> 'action', 'ensure') = 'ensure';
BEGIN
  problem := schemad.shape_problem('preview', schema_name, request_payload);
  IF problem.rule IS NOT NULL THEN
    BEGIN
      PERFORM schemad.raise_problem(problem.rule, problem.field, problem.given, schema_name);
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    END;
    rule := problem.rule;
    severity := 'refuse';
    field := problem.field;
    RETURN NEXT;
    RETURN;
  END IF;

  facts := schemad.table_facts(schemad.fold(schema_name));
  severity := 'refuse';
  hint := 'Choose another name.';
  IF NOT is_ensure AND NOT facts ? 'version' THEN
    rule := 'table.unknown';
    message := format('schemad has made no table %s', schemad.fold(schema_name));
    hint := 'SELECT name FROM schemad.schema_registry lists them.';
    RETURN NEXT;
  ELSIF facts ? 'relation' AND NOT facts ? 'version' OR facts ? 'type' THEN
    rule := 'table.taken';
    message := format('%s is already the name of something that schemad did not make', schemad.fold(schema_name));
    RETURN NEXT;
  ELSIF facts ->> 'is_active' = 'false' AND is_ensure THEN
    rule := 'table.deprecated';
    message := format('%s is deprecated', schemad.fold(schema_name));
    hint := 'Restore it first: {"action": "restore"}.';
    RETURN NEXT;
  END IF;

  severity := 'review';
  IF facts ->> 'owner_role' <> schemad.caller() THEN
    rule := 'table.another_role';
    message := format('%s is a table of another role', schemad.fold(schema_name));
    hint := 'A reviewer decides whether the roles share the table.';
    RETURN NEXT;
  END IF;
  IF NOT is_ensure THEN
    RETURN; -- fields that come with the other actions mean nothing
  END IF;
  IF jsonb_array_length(request_payload -> 'fields') > (SELECT p.max_fields FROM schemad.policy AS p) THEN
    rule := 'limit.fields';
    severity := coalesce((SELECT s.severity FROM schemad.rule_severities AS s WHERE s.rule = 'limit.fields'), 'review');
    message := format('%s fields; the policy allows %s', jsonb_array_length(request_payload -> 'fields'),
      (SELECT p.max_fields FROM schemad.policy AS p));
    hint := 'Fewer fields, or a jsonb field for what is rarely there.';
    RETURN NEXT;
  END IF;
  RETURN QUERY
  SELECT 'type.not_safe',
    coalesce((SELECT s.severity FROM schemad.rule_severities AS s WHERE s.rule = 'type.not_safe'), 'review'),
    schemad.fold(f.value ->> 'name'), format('%s needs a review', t.name),
    'SELECT name FROM schemad.safe_types WHERE auto AND NOT refused lists those that need no review.'
  FROM jsonb_array_elements(request_payload -> 'fields') WITH ORDINALITY AS f
  JOIN schemad.safe_types AS t
    ON btrim(regexp_replace(regexp_replace(schemad.fold(f.value ->> 'type'), '\([^)]*\)|\[\]', ' ', 'g'), '[ \t\r\n]+', ' ', 'g'))
      = ANY (t.name || t.aliases) AND NOT t.auto
  ORDER BY f.ordinality;
END
$function$;

COMMENT ON FUNCTION schemad.preview_request(text, jsonb) IS
  'What the database can say at once of a request, without submitting it: no row, no findings so far. Example: SELECT * FROM schemad.preview_request(''notes'', ''{"fields": [{"name": "title", "type": "text"}]}'').';
