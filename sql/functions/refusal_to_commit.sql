CREATE OR REPLACE FUNCTION schemad.refusal_to_commit() RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  COMMIT;
EXCEPTION WHEN invalid_transaction_termination THEN
  RETURN SQLERRM;
END
$function$;

COMMENT ON FUNCTION schemad.refusal_to_commit() IS
  'What PostgreSQL says, in the language of the session, where something would commit that may not: any function. Internal to create_table().';
