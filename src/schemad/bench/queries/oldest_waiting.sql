-- The oldest request that waits for the daemon; NULL where none does. OFFSET keeps it from being looked for among all
-- requests in the order of their ids: few of a million wait, and those have an index of their own.
SELECT min(w.id)
FROM (
  SELECT r.id
  FROM schemad.schema_requests AS r
  WHERE r.processed_at IS NULL AND r.verdict IS NULL
  OFFSET 0
) AS w
