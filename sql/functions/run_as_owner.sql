CREATE OR REPLACE FUNCTION schemad.run_as_owner(script text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
-- It belongs to the owner of created tables. SET ROLE alone would be no barrier: what runs within, such as a function that
-- a person approved, could RESET ROLE and be the daemon. In a function that is SECURITY DEFINER PostgreSQL refuses that.
BEGIN
  -- Until it is given to the owner of created tables it belongs to whoever made it, by migrate or by a restore without
  -- owners: that one may do anything to the audits, and often to the whole server.
  IF (SELECT pg_has_role(n.nspowner, 'USAGE') FROM pg_namespace AS n WHERE n.nspname = 'schemad') THEN
    RAISE EXCEPTION USING
      ERRCODE = 'insufficient_privilege',
      MESSAGE = format('nothing runs as %I', current_user),
      HINT = format('It may act as the owner of schema schemad. As that one: '
        'ALTER FUNCTION schemad.run_as_owner(text) OWNER TO %s.', coalesce(
        (SELECT quote_ident(p.owner_role) FROM schemad.policy AS p WHERE p.owner_role <> current_user),
        'a role that owns nothing but created tables'));
  END IF;
  EXECUTE script;
  -- What was deferred until the commit would run as the daemon then.
  SET CONSTRAINTS ALL IMMEDIATE;
  IF EXISTS (SELECT FROM pg_cursors AS c WHERE c.is_holdable) THEN
    RAISE EXCEPTION USING ERRCODE = 'SD001', MESSAGE = 'it left a cursor open beyond its end';
  END IF;
END
$function$;

REVOKE ALL ON FUNCTION schemad.run_as_owner(text) FROM PUBLIC;

COMMENT ON FUNCTION schemad.run_as_owner(text) IS
  'Runs the SQL of a plan as the owner of created tables, with no way back to another role from within. Internal to the daemon.';
