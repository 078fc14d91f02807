CREATE OR REPLACE FUNCTION schemad.caller() RETURNS name
LANGUAGE sql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $function$
SELECT CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role')::name END
$function$;

COMMENT ON FUNCTION schemad.caller() IS
  'The role that called, also inside SECURITY DEFINER functions, where current_user is their owner. SET ROLE counts; it asks for membership, so it can''t be forged.';
