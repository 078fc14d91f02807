CREATE OR REPLACE FUNCTION schemad.wake_daemons() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF (SELECT p.notify FROM schemad.policy AS p) IS NOT FALSE THEN
    -- Always the same message: PostgreSQL then delivers one for a transaction, whatever it inserted.
    PERFORM pg_notify('schemad_requests', '');
  END IF;
  RETURN NULL;
END
$function$;

COMMENT ON FUNCTION schemad.wake_daemons() IS
  'Tells listening daemons to look at the queue. It says nothing else: the table is the queue. Silent where policy.notify is false.';
