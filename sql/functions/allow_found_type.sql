CREATE OR REPLACE FUNCTION schemad.allow_found_type(type_name text, given regtype, auto boolean) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off -- the name is stored as format_type() writes it for the daemon, which has this off
AS $function$
-- Apart from allow_type(), whose search_path is its caller's.
DECLARE
  known record;
  found_type record;
  catalog_name text;
  trusted_type oid := given;
  requester name;
BEGIN
  SELECT s.name, s.catalog_name, allow_found_type.auto AND NOT s.auto OR s.refused AS is_more INTO known
  FROM schemad.safe_types AS s
  WHERE (s.name = schemad.fold(type_name) OR schemad.fold(type_name) = ANY (s.aliases))
      AND (s.built_in OR s.catalog_name IS NOT NULL)
    OR to_regtype(s.catalog_name) = given;
  IF FOUND THEN
    -- No more than before is allowed whoever owns it; and PostgreSQL's own have no catalog_name.
    trusted_type := CASE WHEN known.is_more THEN to_regtype(known.catalog_name) END;
  END IF;
  SELECT r.rolname INTO requester
  FROM pg_type AS t
  JOIN pg_roles AS r ON NOT r.rolsuper AND pg_has_role(r.oid, t.typowner, 'MEMBER')
    -- Since PostgreSQL 16 whoever creates a role is a member of it, only to administer it: no requester by that.
    AND pg_has_role(r.oid, to_regrole('schemad_requester'),
      CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'USAGE, SET' ELSE 'MEMBER' END)
  WHERE t.oid = trusted_type
  ORDER BY r.oid <> t.typowner, r.rolname
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
      MESSAGE = format('%L can''t be allowed: a requester may act as its owner', type_name),
      DETAIL = format('%I could give it other checks later.', requester),
      HINT = format('Have it belong to somebody else: ALTER TYPE %s OWNER TO …', trusted_type::regtype);
  END IF;

  IF known.name IS NOT NULL THEN
    UPDATE schemad.safe_types AS s SET auto = allow_found_type.auto, refused = false WHERE s.name = known.name;
    RETURN;
  END IF;

  SELECT t.typname, n.nspname, t.typtype, t.typcategory INTO found_type
  FROM pg_type AS t
  JOIN pg_namespace AS n ON n.oid = t.typnamespace
  WHERE t.oid = given;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object',
      MESSAGE = format('there is no type %L in this database', type_name),
      HINT = 'Create it, or its extension, first; name its schema where that is not in your search_path.';
  ELSIF found_type.nspname IN ('pg_catalog', 'information_schema') OR found_type.typtype IN ('p', 'c')
    OR found_type.typcategory = 'A' OR found_type.typname !~ '^[a-z][a-z0-9_]*$'
    OR EXISTS (
      SELECT FROM schemad.safe_types AS s
      WHERE found_type.typname = ANY (s.name || s.aliases)
        AND (s.built_in OR s.catalog_name <> format('%I.%I', found_type.nspname, found_type.typname))
    ) THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
      MESSAGE = format('%L can''t be allowed', type_name),
      HINT = 'Types of extensions, enums and domains can, with names of lower-case letters, digits and underscores that no other '
        'allowed type has. '
        'Of PostgreSQL''s own, those that a table is safe with are known already.';
  END IF;
  catalog_name := format('%I.%I', found_type.nspname, found_type.typname);
  IF length(catalog_name) > 62 THEN -- schema_fields.field_type, and [] for an array
    RAISE EXCEPTION USING
      ERRCODE = 'name_too_long',
      MESSAGE = format('%L can''t be allowed: its full name is too long', type_name),
      DETAIL = format('%s has %s characters, and 62 are the most.', catalog_name, length(catalog_name)),
      HINT = 'Give it or its schema a shorter name: ALTER TYPE … RENAME TO …, ALTER TYPE … SET SCHEMA ….';
  END IF;
  INSERT INTO schemad.safe_types AS s (name, auto, catalog_name, added_by)
  VALUES (found_type.typname, allow_found_type.auto, catalog_name, schemad.caller())
  ON CONFLICT (name) DO UPDATE SET auto = excluded.auto, refused = false, catalog_name = excluded.catalog_name;
END
$function$;

COMMENT ON FUNCTION schemad.allow_found_type(text, regtype, boolean) IS
  'Lets requests have fields of a type, under the name by which it was found. Internal to allow_type().';
