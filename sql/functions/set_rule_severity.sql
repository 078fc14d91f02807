CREATE OR REPLACE FUNCTION schemad.set_rule_severity(rule text, severity text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
#variable_conflict use_column
DECLARE
  -- Where the worst that comes of it is a table that somebody would rather not have.
  adjustable constant text[] := ARRAY['field.rewrite', 'key.on_filled_table', 'limit.fields', 'limit.indexes',
    'reference.large', 'reference.unmanaged', 'table.missing', 'type.not_safe', 'type.padded'];
BEGIN
  IF set_rule_severity.rule = ANY (adjustable) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('rule %L can''t have another severity', set_rule_severity.rule),
      HINT = 'It can for ' || array_to_string(adjustable, ', ') || '.';
  ELSIF set_rule_severity.severity IS NULL THEN
    DELETE FROM schemad.rule_severities AS s WHERE s.rule = set_rule_severity.rule;
  ELSIF set_rule_severity.severity NOT IN ('refuse', 'review', 'warn') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('unknown severity %L', set_rule_severity.severity),
      HINT = 'A severity is refuse, review or warn; NULL is the rule''s own.';
  ELSE
    INSERT INTO schemad.rule_severities (rule, severity, changed_by)
    VALUES (set_rule_severity.rule, set_rule_severity.severity, schemad.caller())
    ON CONFLICT (rule) DO UPDATE
    SET severity = excluded.severity, changed_by = excluded.changed_by, changed_at = clock_timestamp();
  END IF;
END
$function$;

COMMENT ON FUNCTION schemad.set_rule_severity(text, text) IS
  'Judges a rule more or less severely, where that is safe; NULL gives it its own severity back. Example: SELECT schemad.set_rule_severity(''limit.fields'', ''warn'').';
