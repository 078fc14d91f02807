CREATE OR REPLACE FUNCTION schemad.is_outage(sqlstate_code text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
-- Resources short (disk, memory, connections), but for limits that were configured, and the system's I/O.
SELECT coalesce(left(sqlstate_code, 2) IN ('53', '58') AND sqlstate_code <> '53400', false)
$function$;

COMMENT ON FUNCTION schemad.is_outage(text) IS
  'True for an error of the server as a whole, such as a full disk: it says nothing of the request, so the attempt is not counted. Internal to the daemon.';
