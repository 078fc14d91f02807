CREATE OR REPLACE FUNCTION schemad.allow_type(type_name text, auto boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql
AS $function$
-- Looks the type up as its caller would: the search_path is the caller's, and everything else is written out.
DECLARE
  given pg_catalog.regtype;
  found_type record;
BEGIN
  UPDATE schemad.safe_types AS s SET auto = allow_type.auto, refused = false
  WHERE (s.name = schemad.fold(type_name) OR schemad.fold(type_name) = ANY (s.aliases))
    AND (s.built_in OR s.catalog_name IS NOT NULL);
  IF FOUND THEN
    RETURN;
  END IF;

  given := pg_catalog.to_regtype(type_name);
  SELECT t.typname, n.nspname, t.typtype, t.typcategory, t.typowner INTO found_type
  FROM pg_catalog.pg_type AS t
  JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
  WHERE t.oid = given;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object',
      MESSAGE = pg_catalog.format('there is no type %L in this database', type_name),
      HINT = 'Create it, or its extension, first; name its schema where that is not in your search_path.';
  ELSIF found_type.nspname IN ('pg_catalog', 'information_schema') OR found_type.typtype IN ('p', 'c')
    OR found_type.typcategory = 'A' OR found_type.typname !~ '^[a-z][a-z0-9_]*$'
    OR EXISTS (
      SELECT FROM schemad.safe_types AS s
      WHERE found_type.typname = ANY (s.name || s.aliases)
        AND (s.built_in OR s.catalog_name <> pg_catalog.format('%I.%I', found_type.nspname, found_type.typname))
    ) THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
      MESSAGE = pg_catalog.format('%L can''t be allowed', type_name),
      HINT = 'Types of extensions, enums and domains can, with names of lower-case letters, digits and underscores that no other '
        'allowed type has. '
        'Of PostgreSQL''s own, those that a table is safe with are known already.';
  END IF;
  IF EXISTS (
    SELECT FROM pg_catalog.pg_roles AS r
    WHERE r.oid = found_type.typowner AND NOT r.rolsuper
      AND pg_catalog.pg_has_role(r.oid, pg_catalog.to_regrole('schemad_requester'), 'MEMBER')
  ) THEN
    RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
      MESSAGE = pg_catalog.format('%L can''t be allowed: a requester owns it, and could give it other checks later', type_name),
      HINT = pg_catalog.format('Have it belong to somebody else: ALTER TYPE %s OWNER TO …', given);
  END IF;
  INSERT INTO schemad.safe_types AS s (name, auto, catalog_name, added_by)
  VALUES (found_type.typname, allow_type.auto,
    pg_catalog.format('%I.%I', found_type.nspname, found_type.typname), schemad.caller())
  ON CONFLICT (name) DO UPDATE SET auto = excluded.auto, refused = false, catalog_name = excluded.catalog_name;
END
$function$;

COMMENT ON FUNCTION schemad.allow_type(text, boolean) IS
  'Lets requests have fields of this type: by themselves, or after review with auto => false. Extension types, enums and domains too. Example: SELECT schemad.allow_type(''citext'').';
