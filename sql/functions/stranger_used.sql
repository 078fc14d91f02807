CREATE OR REPLACE FUNCTION schemad.stranger_used(proofs jsonb, namespace oid) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
-- Whatever is PostgreSQL's own is pinned and leaves no dependency: each one that is there is somebody's object, such as
-- a function planted under a familiar name. What a person approved may use one.
BEGIN
  RETURN (
    SELECT format('%I is not what was asked for: it uses ', p."table") || pg_describe_object(d.refclassid, d.refobjid, 0)
    FROM jsonb_to_recordset(proofs) AS p ("table" name, lenient boolean)
    JOIN pg_class AS t ON t.relname = p."table" AND t.relnamespace = namespace AND t.relkind = 'r'
    CROSS JOIN LATERAL (
      SELECT 'pg_class'::regclass AS classid, t.oid AS objid
      UNION ALL
      SELECT 'pg_attrdef'::regclass, f.oid FROM pg_attrdef AS f WHERE f.adrelid = t.oid
      UNION ALL
      SELECT 'pg_constraint'::regclass, c.oid FROM pg_constraint AS c WHERE c.conrelid = t.oid
      UNION ALL
      SELECT 'pg_class'::regclass, i.indexrelid FROM pg_index AS i WHERE i.indrelid = t.oid
    ) AS made
    JOIN pg_depend AS d ON d.classid = made.classid AND d.objid = made.objid
    WHERE p.lenient IS NOT TRUE
      AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass,
        'pg_opclass'::regclass, 'pg_collation'::regclass)
      AND NOT EXISTS (
        SELECT FROM schemad.safe_types AS s
        WHERE s.catalog_name IS NOT NULL AND (
          d.refclassid = 'pg_type'::regclass
            AND d.refobjid IN (to_regtype(s.catalog_name), to_regtype(s.catalog_name || '[]'))
          OR d.refclassid = 'pg_opclass'::regclass AND EXISTS (
            SELECT FROM pg_opclass AS o WHERE o.oid = d.refobjid AND o.opcintype = to_regtype(s.catalog_name))))
    LIMIT 1);
END
$function$;

COMMENT ON FUNCTION schemad.stranger_used(jsonb, oid) IS
  'The first object that is neither PostgreSQL''s own nor of an allowed type, on which one of some tables depends, in words; NULL: there is none. Internal to the daemon.';
