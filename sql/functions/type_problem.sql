CREATE OR REPLACE FUNCTION schemad.type_problem(given text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $function$
DECLARE
  parts text[];
  base text;
  modifier_count integer;
  known record;
BEGIN
  -- Most types are just a name, which takes no parsing.
  IF EXISTS (SELECT FROM schemad.safe_types AS t WHERE t.name = given AND NOT t.refused) THEN
    RETURN NULL;
  END IF;

  -- name, (modifiers), the rest of the name as in "timestamp(3) with time zone", []
  parts := regexp_match(
    btrim(regexp_replace(schemad.fold(given), '[ \t\r\n]+', ' ', 'g'), ' '),
    '^([a-z][a-z0-9_]*(?: [a-z]+)*) ?(?:\( ?([0-9]{1,9}) ?(?:, ?(-?[0-9]{1,9}) ?)?\))?( (?:with|without) time zone)? ?(\[\])?$');
  IF parts IS NULL THEN
    RETURN 'type.malformed';
  END IF;
  base := parts[1] || coalesce(parts[4], '');
  modifier_count := num_nonnulls(parts[2], parts[3]);

  SELECT t.modifiers, t.modifier_min, t.modifier_max INTO known
  FROM schemad.safe_types AS t
  WHERE (t.name = base OR base = ANY (t.aliases)) AND NOT t.refused;

  IF NOT FOUND THEN
    RETURN 'type.unknown';
  ELSIF parts[5] IS NOT NULL AND base LIKE '%serial%' THEN
    RETURN 'type.malformed';
  ELSIF modifier_count > known.modifiers
    OR parts[2]::integer NOT BETWEEN known.modifier_min AND known.modifier_max
    OR parts[3]::integer NOT BETWEEN -1000 AND 1000 THEN
    RETURN 'type.modifier';
  END IF;
  RETURN NULL;
END
$function$;

COMMENT ON FUNCTION schemad.type_problem(text) IS
  'The rule that the type of a field breaks, or NULL. What it reads is name, modifiers and []; nothing of the text is ever run.';
