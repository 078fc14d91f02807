CREATE OR REPLACE FUNCTION schemad.key_difference(proofs jsonb, namespace oid, owner_role name) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  owner constant oid := to_regrole(quote_ident(owner_role)); -- NULL: whoever the daemon is
BEGIN
  RETURN (
    SELECT format('%I is not what was asked for: ', p."table") || CASE
      WHEN t.relnatts <> jsonb_array_length(p.columns)
        THEN format('it has %s fields, not %s', t.relnatts, jsonb_array_length(p.columns))
      WHEN k.primary_key IS DISTINCT FROM nullif(p.primary_key, '[]')
        THEN 'its primary key is ' || coalesce(k.primary_key::text, 'none')
      WHEN k.constraints <> p.constraints THEN format('it has %s constraints, not %s', k.constraints, p.constraints)
      WHEN i.indexes <> p.indexes THEN format('it has %s indexes, not %s', i.indexes, p.indexes)
      WHEN t.relowner <> owner THEN format('it belongs to %I', pg_get_userbyid(t.relowner))
      ELSE 'it has rules, row-level security or a parent, or is not permanent'
    END
    FROM jsonb_to_recordset(proofs)
      AS p ("table" name, columns jsonb, primary_key jsonb, constraints integer, indexes integer)
    JOIN pg_class AS t ON t.relname = p."table" AND t.relnamespace = namespace AND t.relkind = 'r'
    CROSS JOIN LATERAL (
      SELECT count(*) AS constraints, jsonb_agg((
          SELECT jsonb_agg(a.attname ORDER BY f.position)
          FROM unnest(c.conkey) WITH ORDINALITY AS f (attnum, position)
          JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = f.attnum
        )) FILTER (WHERE c.contype = 'p') -> 0 AS primary_key
      FROM pg_constraint AS c
      -- Since PostgreSQL 18, NOT NULL is a constraint too: the fields were compared for it.
      WHERE c.conrelid = t.oid AND c.contype <> 'n'
    ) AS k
    CROSS JOIN LATERAL (
      SELECT (SELECT count(*) FROM pg_index AS x WHERE x.indrelid = t.oid) AS indexes,
        (SELECT count(*) FROM pg_inherits AS h WHERE h.inhrelid = t.oid) AS parents
    ) AS i
    WHERE p.primary_key IS NOT NULL AND (
      t.relnatts <> jsonb_array_length(p.columns)
      OR k.primary_key IS DISTINCT FROM nullif(p.primary_key, '[]')
      OR k.constraints <> p.constraints
      OR i.indexes <> p.indexes
      OR t.relowner <> owner
      OR t.relhasrules OR t.relrowsecurity OR t.relispartition OR t.relhassubclass OR t.relpersistence <> 'p'
      OR i.parents > 0)
    LIMIT 1);
END
$function$;

COMMENT ON FUNCTION schemad.key_difference(jsonb, oid, name) IS
  'The first of some created tables whose owner, primary key, or number of fields, constraints or indexes, differs from what was asked for, in words; NULL: none does. Internal to the daemon.';
