-- Tables of schemad's for which autovacuum is off.
SELECT format('ALTER TABLE schemad.%I RESET (autovacuum_enabled);', c.relname) AS mend
FROM pg_class AS c
CROSS JOIN LATERAL pg_options_to_table(c.reloptions) AS o
WHERE c.relnamespace = to_regnamespace('schemad') AND o.option_name = 'autovacuum_enabled' AND NOT o.option_value::boolean
ORDER BY c.relname
