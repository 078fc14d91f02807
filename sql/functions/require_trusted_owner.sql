CREATE OR REPLACE FUNCTION schemad.require_trusted_owner(of_type regtype) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  owner oid;
  requester name;
BEGIN
  SELECT t.typowner INTO owner FROM pg_type AS t WHERE t.oid = of_type AND t.typnamespace <> 'pg_catalog'::regnamespace;
  SELECT r.rolname INTO requester
  FROM pg_roles AS r
  WHERE NOT r.rolsuper AND pg_has_role(r.oid, owner, 'MEMBER')
    -- Since PostgreSQL 16 whoever creates a role is a member of it, only to administer it: a requester it is not by that.
    AND CASE WHEN current_setting('server_version_num')::integer >= 160000
      THEN pg_has_role(r.oid, to_regrole('schemad_requester'), 'USAGE, SET')
      ELSE pg_has_role(r.oid, to_regrole('schemad_requester'), 'MEMBER') END
  ORDER BY r.oid <> owner, r.rolname
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
      MESSAGE = format('%L can''t be allowed: a requester may act as its owner', of_type),
      DETAIL = format('%I could give it other checks later.', requester),
      HINT = format('Have it belong to somebody else: ALTER TYPE %s OWNER TO …', of_type);
  END IF;
END
$function$;

COMMENT ON FUNCTION schemad.require_trusted_owner(regtype) IS
  'Raises 0A000 where a requester owns a type, or may act as its owner: it could change what the type accepts. Internal to allow_type().';
