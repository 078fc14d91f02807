CREATE OR REPLACE FUNCTION schemad.stamp_policy() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  -- Plans would run as the owner of the audits, or as a superuser, who may act as any role.
  IF NEW.owner_role IS DISTINCT FROM OLD.owner_role AND EXISTS (
    SELECT FROM pg_roles AS r JOIN pg_namespace AS n ON n.nspname = 'schemad'
    WHERE r.rolname = NEW.owner_role AND pg_has_role(r.oid, n.nspowner, 'USAGE')
  ) THEN
    RAISE EXCEPTION USING
      ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('owner_role can''t be %L', NEW.owner_role),
      HINT = 'It may act as the owner of schema schemad. Tables belong to a role with no right to that, such as schemad_owner: plans run as that one.';
  END IF;
  NEW.version := OLD.version + 1;
  NEW.changed_at := clock_timestamp();
  NEW.changed_by := schemad.caller();
  RETURN NEW;
END
$function$;

COMMENT ON FUNCTION schemad.stamp_policy() IS
  'Counts the changes of the policy, keeps who made the last one, and refuses an owner of tables that may act as the owner of schemad''s own.';
