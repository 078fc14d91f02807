-- The different tables that were made, as text, each with how often it was.
WITH made AS (
  SELECT c.oid FROM pg_class AS c
  WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname ~ '^(arrival|backlog)_'
),
described AS (
  SELECT
    (SELECT string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
      (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef AS d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum)),
      ', ' ORDER BY a.attnum)
    FROM pg_attribute AS a WHERE a.attrelid = m.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
    (SELECT string_agg(pg_get_constraintdef(k.oid), ', ' ORDER BY k.contype)
    FROM pg_constraint AS k WHERE k.conrelid = m.oid AND k.contype <> 'n') AS constraints
  FROM made AS m
)
SELECT concat_ws('; ', columns, constraints) AS shape, count(*) AS tables FROM described GROUP BY 1
