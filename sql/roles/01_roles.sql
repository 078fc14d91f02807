-- Roles belong to the cluster, not to the database: another database may have made them already.
DO $roles$
DECLARE
  wanted record;
BEGIN
  FOR wanted IN
    SELECT *
    FROM (VALUES
      ('schemad_requester', 'May ask schemad for tables and fields, and see its own requests.'),
      ('schemad_reviewer', 'May see, approve and reject all requests.'),
      ('schemad_daemon', 'What the schemad daemon needs. Grant it to the login that the daemon uses.'),
      ('schemad_owner', 'Owns the tables that schemad makes. Nobody logs in as it.')
    ) AS r (name, purpose)
  LOOP
    IF NOT EXISTS (SELECT FROM pg_roles AS p WHERE p.rolname = wanted.name) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', wanted.name);
        EXECUTE format('COMMENT ON ROLE %I IS %L', wanted.name, wanted.purpose);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL; -- another database's migrate made it just now, which is as good
      END;
    END IF;
  END LOOP;
  IF NOT pg_has_role('schemad_daemon', 'schemad_owner', 'MEMBER') THEN
    GRANT schemad_owner TO schemad_daemon;
  END IF;
END
$roles$;
