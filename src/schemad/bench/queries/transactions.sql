-- Transactions in a database since its statistics began.
SELECT d.xact_commit + d.xact_rollback
FROM pg_stat_database AS d
WHERE d.datname = $1
