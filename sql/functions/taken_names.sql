CREATE OR REPLACE FUNCTION schemad.taken_names(table_name text, namespace oid) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $function$
DECLARE
  -- As many characters as even the longest names of keys and indexes keep of their table's.
  first constant name := left(table_name || '_', 48);
  beyond constant name := left(first, -1) || chr(ascii(right(first, 1)) + 1);
  enough constant integer := 200;
  found record;
BEGIN
  -- Most often there is none, which is one look-up by index.
  IF NOT EXISTS (
    SELECT FROM pg_class AS c WHERE c.relname >= first AND c.relname < beyond AND c.relnamespace = namespace
  ) THEN
    RETURN '{}';
  END IF;
  -- There may be a hundred thousand that begin so.
  SELECT count(*) AS all_of_them, jsonb_agg(n.relname) FILTER (WHERE n.relname ~ '_(pkey|key|idx)$') AS names INTO found
  FROM (
    SELECT c.relname
    FROM pg_class AS c
    WHERE c.relname >= first AND c.relname < beyond AND c.relnamespace = namespace
    ORDER BY c.relname
    LIMIT enough
  ) AS n;
  RETURN CASE
    WHEN found.all_of_them = enough THEN '{"is_crowded": true}'
    WHEN found.names IS NULL THEN '{}'
    ELSE jsonb_build_object('taken', found.names)
  END;
END
$function$;

COMMENT ON FUNCTION schemad.taken_names(text, oid) IS
  'Which names that keys and indexes of a table might get are those of relations already; is_crowded where there are too many to tell. Internal to the daemon.';
