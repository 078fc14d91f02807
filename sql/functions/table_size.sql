CREATE OR REPLACE FUNCTION schemad.table_size(relation oid) RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '1ms'
AS $function$
BEGIN
  RETURN pg_relation_size(relation);
EXCEPTION WHEN lock_not_available THEN
  RETURN NULL;
END
$function$;

COMMENT ON FUNCTION schemad.table_size(oid) IS
  'The size of a table as it is now, analysed or not, in bytes; 0: any change of it is cheap. NULL while somebody holds it exclusively. Internal to the daemon.';
