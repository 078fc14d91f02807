CREATE OR REPLACE FUNCTION schemad.is_empty(relation oid) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '10ms'
AS $function$
BEGIN
  RETURN pg_relation_size(relation) = 0;
EXCEPTION WHEN lock_not_available THEN
  RETURN NULL;
END
$function$;

COMMENT ON FUNCTION schemad.is_empty(oid) IS
  'Whether a table has no page at all, so that any change of it is cheap; NULL while somebody holds it exclusively. Internal to the daemon.';
