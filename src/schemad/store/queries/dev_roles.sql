-- A login for the daemon, with what schemad_daemon has and no more; and no four eyes, where there are two.
DO $dev$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = 'schemad_service') THEN
    CREATE ROLE schemad_service LOGIN IN ROLE schemad_daemon;
  END IF;
  UPDATE schemad.policy AS p SET allow_self_approval = true WHERE NOT p.allow_self_approval;
END
$dev$
