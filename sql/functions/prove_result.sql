CREATE OR REPLACE FUNCTION schemad.prove_result(expected jsonb, table_schema text) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
-- Runs after the DDL of a request, in its subtransaction: what it raises undoes the DDL. expected has table, lenient,
-- columns [{name, type, nullable, generated, default, try}] (default is null where either will do) and, for a table
-- that was created, primary_key.
-- It returns the trials of the defaults, which only the owner of the table may run: an approved expression is code.
DECLARE
  relation oid;
  difference text;
BEGIN
  IF expected IS NULL OR expected = 'null' THEN
    RETURN NULL;
  END IF;
  SELECT t.oid INTO relation
  FROM pg_class AS t
  JOIN pg_namespace AS n ON n.oid = t.relnamespace
  WHERE n.nspname = table_schema AND t.relname = expected ->> 'table' AND t.relkind = 'r';

  SELECT CASE
    WHEN relation IS NULL THEN 'there is no such table'
    WHEN a.attname IS NULL THEN format('field %s is missing', w.name)
    WHEN format_type(a.atttypid, a.atttypmod) <> w.type
      THEN format('field %s is %s, not %s', w.name, format_type(a.atttypid, a.atttypmod), w.type)
    WHEN a.attnotnull = w.nullable THEN format('field %s is %snullable', w.name, CASE WHEN a.attnotnull THEN 'not ' ELSE '' END)
    WHEN (a.attidentity <> '') <> w.generated THEN format('field %s differs in whether it numbers itself', w.name)
    WHEN a.atthasdef <> w."default" THEN format('field %s differs in whether it has a default', w.name)
  END INTO difference
  FROM jsonb_to_recordset(expected -> 'columns')
    AS w (name text, type text, nullable boolean, generated boolean, "default" boolean)
  LEFT JOIN pg_attribute AS a ON a.attrelid = relation AND a.attname = w.name AND NOT a.attisdropped
  WHERE a.attname IS NULL
    OR format_type(a.atttypid, a.atttypmod) <> w.type
    OR a.attnotnull = w.nullable
    OR (a.attidentity <> '') <> w.generated
    OR a.atthasdef <> w."default"
  LIMIT 1;

  IF difference IS NULL AND jsonb_typeof(expected -> 'primary_key') = 'array' THEN
    SELECT CASE
      WHEN t.relnatts <> jsonb_array_length(expected -> 'columns')
        THEN format('it has %s fields, not %s', t.relnatts, jsonb_array_length(expected -> 'columns'))
      WHEN k.names IS DISTINCT FROM nullif(expected -> 'primary_key', '[]') THEN 'its primary key is ' || coalesce(k.names::text, 'none')
    END INTO difference
    FROM pg_class AS t
    CROSS JOIN LATERAL (
      SELECT jsonb_agg(a.attname ORDER BY c.position) AS names
      FROM pg_constraint AS p
      CROSS JOIN LATERAL unnest(p.conkey) WITH ORDINALITY AS c (attnum, position)
      JOIN pg_attribute AS a ON a.attrelid = p.conrelid AND a.attnum = c.attnum
      WHERE p.conrelid = t.oid AND p.contype = 'p'
    ) AS k
    WHERE t.oid = relation;
  END IF;

  -- Whatever is PostgreSQL's own is pinned and leaves no dependency: each one that is there is somebody's object,
  -- such as a function planted under a familiar name.
  IF difference IS NULL AND (expected ->> 'lenient')::boolean IS NOT TRUE THEN
    SELECT 'it uses ' || pg_describe_object(d.refclassid, d.refobjid, 0) INTO difference
    FROM (
      SELECT 'pg_class'::regclass AS classid, relation AS objid
      UNION ALL
      SELECT 'pg_attrdef'::regclass, f.oid FROM pg_attrdef AS f WHERE f.adrelid = relation
      UNION ALL
      SELECT 'pg_constraint'::regclass, c.oid FROM pg_constraint AS c WHERE c.conrelid = relation
      UNION ALL
      SELECT 'pg_class'::regclass, i.indexrelid FROM pg_index AS i WHERE i.indrelid = relation
    ) AS made
    JOIN pg_depend AS d ON d.classid = made.classid AND d.objid = made.objid
    WHERE d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass,
        'pg_opclass'::regclass, 'pg_collation'::regclass)
      AND NOT EXISTS (
        SELECT FROM schemad.safe_types AS s
        WHERE s.catalog_name IS NOT NULL AND (
          d.refclassid = 'pg_type'::regclass
            AND d.refobjid IN (to_regtype(s.catalog_name), to_regtype(s.catalog_name || '[]'))
          OR d.refclassid = 'pg_opclass'::regclass AND EXISTS (
            SELECT FROM pg_opclass AS o WHERE o.oid = d.refobjid AND o.opcintype = to_regtype(s.catalog_name))))
    LIMIT 1;
  END IF;

  IF difference IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'SD001',
      MESSAGE = format('%I is not what was asked for: %s', expected ->> 'table', difference),
      HINT = 'Nothing was kept of it. An event trigger or an object of a familiar name may have changed the result.';
  END IF;

  -- CREATE TABLE takes a default that no insert could ever use, such as 99999 for a smallint.
  RETURN (
    SELECT string_agg(format('DO %L', format(
      'BEGIN DECLARE trial %s := (%s); BEGIN END; EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN '
      'RAISE EXCEPTION USING ERRCODE = ''SD001'', MESSAGE = %L || SQLERRM; END',
      format_type(a.atttypid, a.atttypmod), pg_get_expr(f.adbin, f.adrelid),
      format('the default of %I is no value of its type: ', a.attname))), ';')
    FROM jsonb_to_recordset(expected -> 'columns') AS w (name text, "default" boolean, try boolean)
    JOIN pg_attribute AS a ON a.attrelid = relation AND a.attname = w.name
    JOIN pg_attrdef AS f ON f.adrelid = relation AND f.adnum = a.attnum
    WHERE w.try AND w."default");
END
$function$;

COMMENT ON FUNCTION schemad.prove_result(jsonb, text) IS
  'Compares a table that was just made or changed with what was asked for, and raises SD001 at a difference, so that nothing of it is kept; returns trials of its defaults for the owner to run. Internal to the daemon.';
