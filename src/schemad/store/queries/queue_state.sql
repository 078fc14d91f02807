-- What waits, and who works on it.
SELECT
  (SELECT count(*) FROM schemad.schema_requests AS r WHERE r.processed_at IS NULL AND r.verdict IS NULL) AS queued,
  (SELECT count(*) FROM schemad.schema_requests AS r WHERE r.status = 'pending' AND r.processed_at IS NULL AND r.verdict IS NOT NULL) AS held,
  (
    SELECT count(*)
    FROM pg_stat_activity AS a
    WHERE a.datname = current_database() AND a.application_name = 'schemad worker'
  ) AS workers
