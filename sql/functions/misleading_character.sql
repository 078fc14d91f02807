CREATE OR REPLACE FUNCTION schemad.misleading_character(given text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
SET search_path = pg_catalog, pg_temp
SET standard_conforming_strings = on
AS $function$
  -- Controls and line separators; bidirectional formats; invisible ones. Those of src/schemad/request/text.py.
  SELECT 'U+' || upper(lpad(to_hex(ascii(found)), greatest(4, length(to_hex(ascii(found)))), '0'))
  FROM substring(given FROM
    '[\u0001-\u001f\u007f-\u009f\u2028\u2029'
    '\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069'
    '\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb'
    '\U0001d173-\U0001d17a\U000e0000-\U000e007f]') AS found
$function$;

COMMENT ON FUNCTION schemad.misleading_character(text) IS
  'The first character of a line of text that would mislead or break its reader, as U+XXXX; NULL where there is none.';
