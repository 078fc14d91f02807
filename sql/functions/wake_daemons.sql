CREATE OR REPLACE FUNCTION schemad.wake_daemons() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  -- Always the same message: PostgreSQL then delivers one for a transaction, whatever it inserted.
  PERFORM pg_notify('schemad_requests', '');
  RETURN NULL;
END
$function$;

COMMENT ON FUNCTION schemad.wake_daemons() IS
  'Tells listening daemons to look at the queue. It says nothing else: the table is the queue.';
