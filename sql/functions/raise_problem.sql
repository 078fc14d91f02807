CREATE OR REPLACE FUNCTION schemad.raise_problem(rule text, field text, given text, schema_name text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  name_form constant text := 'letters, digits and underscores, not starting with a digit, at most 63 bytes';
  subject text := coalesce(field, 'the table');
  shown text := quote_literal(left(regexp_replace(coalesce(given, ''), '[[:cntrl:]]', '?', 'g'), 80));
  code text;
  message text;
  hint text;
BEGIN
  SELECT m.code, m.message, m.hint INTO code, message, hint
  FROM (VALUES
    ('request.requester_missing', '22023', 'requester_user_id is empty or longer than 255 characters',
      'Name who asks, in your application''s own terms, such as ''user123''.'),
    ('request.key_too_long', '22023', 'idempotency_key is longer than 255 characters',
      'Take something shorter, such as a UUID.'),
    ('request.control_character', '22023', subject || ' has a character that misleads: ' || coalesce(given, ''),
      'Text that can be seen, in one line.'),
    ('payload.not_object', '22023', 'request_payload is not a JSON object',
      'For example {"fields": [{"name": "title", "type": "text"}]}.'),
    ('payload.too_large', '54000', 'request_payload is too large: ' || coalesce(given, ''),
      'Ask for less at once, or have the policy''s max_payload_bytes raised.'),
    ('payload.unknown_key', '22023', concat_ws(': ', field, 'unknown key ' || shown),
      'A payload has description, fields, primary_key, unique, checks, indexes, action; a field has name, type, nullable, default, unique, description, references, metadata.'),
    ('payload.wrong_type', '22023', concat_ws(': ', field, given || ' has a value of the wrong JSON type'),
      'description is a string; nullable and unique are true or false; references and metadata are objects.'),
    ('payload.action_unknown', '22023', 'unknown action ' || shown,
      'Actions are ensure (the default), deprecate, restore and drop.'),
    ('payload.no_fields', '22023', 'request_payload.fields is not an array with at least one field',
      'For example {"fields": [{"name": "title", "type": "text"}]}.'),
    ('payload.too_many_fields', '54011', 'request_payload has ' || coalesce(given, '') || ' fields',
      'A table of PostgreSQL has 1,600 at most, and the policy may say fewer.'),
    ('field.not_object', '22023', subject || ' is not a JSON object',
      'For example {"name": "title", "type": "text"}.'),
    ('field.name_missing', '22023', subject || ' has no name, '
        || CASE WHEN given IS NULL THEN 'or one that is not a string' ELSE 'but an unknown key ' || shown END,
      'For example {"name": "title", "type": "text"}.'),
    ('field.type_missing', '22023', subject || ' has no type, '
        || CASE WHEN given IS NULL THEN 'or one that is not a string' ELSE 'but an unknown key ' || shown END,
      'For example {"name": "title", "type": "text"}.'),
    ('field.duplicate', '42701', subject || ' is there twice',
      'Names are folded to lower case before they are compared.'),
    ('name.invalid', '42602', concat_ws(': ', field, shown) || ' is not a name', 'A name is ' || name_form || '.'),
    ('name.too_long', '42622', concat_ws(': ', field, shown) || ' is too long for a name', 'A name is ' || name_form || '.'),
    ('name.system', '42939', concat_ws(': ', field, shown) || ' is a name of PostgreSQL''s own',
      'Names that start with pg_, and ctid, xmin, xmax, cmin, cmax, tableoid, are taken.'),
    ('name.reserved', '42939', concat_ws(': ', field, shown) || ' is a reserved word of SQL',
      'Add something to it, such as ' || schemad.fold(coalesce(given, '')) || '_value.'),
    ('name.protected', '42939', concat_ws(': ', field, shown) || ' is a protected table',
      'Choose another name. SELECT * FROM schemad.protected_tables lists them.'),
    ('type.malformed', '22023', concat_ws(': ', field, shown) || ' can''t be read as a type',
      'A type is a name with modifiers, such as varchar(255), numeric(10,2) or integer[].'),
    ('type.unknown', '42704', concat_ws(': ', field, shown) || ' is not a known type',
      'Known: ' || coalesce((SELECT string_agg(t.name, ', ' ORDER BY t.name) FROM schemad.safe_types AS t WHERE NOT t.refused), '') || '.'),
    ('type.modifier', '22023', concat_ws(': ', field, shown) || ' has modifiers that it can''t have',
      'varchar and char take 1 to 10485760, numeric 1 to 1000 digits, times 0 to 6 decimals.')
  ) AS m (rule, code, message, hint)
  WHERE m.rule = raise_problem.rule;

  RAISE EXCEPTION USING
    ERRCODE = coalesce(code, '22023'),
    MESSAGE = coalesce(message, subject || ' breaks rule ' || rule),
    DETAIL = format('Rule %s, request for table %s.', rule,
      quote_literal(left(regexp_replace(coalesce(schema_name, ''), '[[:cntrl:]]', '?', 'g'), 80))),
    HINT = hint;
END
$function$;

COMMENT ON FUNCTION schemad.raise_problem(text, text, text, text) IS
  'Raises the error of a rule of the request''s shape, with SQLSTATE, DETAIL and HINT.';
