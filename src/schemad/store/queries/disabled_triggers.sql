-- Triggers of schemad's tables that don't fire.
SELECT format('ALTER TABLE schemad.%I ENABLE TRIGGER %I;', c.relname, t.tgname) AS mend
FROM pg_trigger AS t
JOIN pg_class AS c ON c.oid = t.tgrelid
WHERE c.relnamespace = 'schemad'::regnamespace AND NOT t.tgisinternal AND t.tgenabled NOT IN ('O', 'A')
ORDER BY c.relname, t.tgname
