CREATE OR REPLACE FUNCTION schemad.column_difference(proofs jsonb, namespace oid) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RETURN (
    SELECT format('%I is not what was asked for: ', p."table") || CASE
      WHEN t.oid IS NULL THEN 'there is no such table'
      WHEN a.attname IS NULL THEN format('field %s is missing', w.name)
      WHEN format_type(a.atttypid, a.atttypmod) <> w.type
        THEN format('field %s is %s, not %s', w.name, format_type(a.atttypid, a.atttypmod), w.type)
      WHEN a.attnotnull = w.nullable THEN format('field %s is %snullable', w.name, CASE WHEN a.attnotnull THEN 'not ' ELSE '' END)
      WHEN (a.attidentity <> '') <> w.generated THEN format('field %s differs in whether it numbers itself', w.name)
      ELSE format('field %s differs in whether it has a default', w.name)
    END
    FROM jsonb_to_recordset(proofs) AS p ("table" name, columns jsonb)
    LEFT JOIN pg_class AS t ON t.relname = p."table" AND t.relnamespace = namespace AND t.relkind = 'r'
    LEFT JOIN LATERAL jsonb_to_recordset(p.columns)
      AS w (name name, type text, nullable boolean, generated boolean, "default" boolean) ON true
    LEFT JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attname = w.name AND NOT a.attisdropped
    WHERE p."table" IS NOT NULL AND (
      t.oid IS NULL
      OR w.name IS NOT NULL AND (
        a.attname IS NULL
        OR format_type(a.atttypid, a.atttypmod) <> w.type
        OR a.attnotnull = w.nullable
        OR (a.attidentity <> '') <> w.generated
        OR a.atthasdef <> w."default"))
    LIMIT 1);
END
$function$;

COMMENT ON FUNCTION schemad.column_difference(jsonb, oid) IS
  'The first field of some tables that differs in name, type, nullability, numbering or default from what was asked for, in words; NULL: none does. Internal to the daemon.';
