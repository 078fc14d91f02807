-- Removes old rows. $1: how many at most.
SELECT p.table_name, p.removed
FROM schemad.prune($1::integer) AS p
