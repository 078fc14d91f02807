-- What waits, since when, and who works on it; nothing is counted beyond 100,000, so that it costs little however long
-- the queue is.
WITH queued AS MATERIALIZED (
  SELECT r.id, r.created_at, r.requested_by, lower(r.schema_name COLLATE "C") AS table_name, r.next_attempt_at
  FROM schemad.schema_requests AS r
  WHERE r.processed_at IS NULL AND r.verdict IS NULL
  ORDER BY coalesce(r.next_attempt_at, '-infinity'::timestamptz), r.id
  LIMIT 100000
),

-- Later ones of the role for the table wait with those that were put off. Not by a join: whatever the planner believes of
-- how many there are, this sorts them once.
standing AS (
  SELECT q.created_at,
    coalesce(q.next_attempt_at > clock_timestamp(), false) OR coalesce(
      min(q.id) FILTER (WHERE q.next_attempt_at > clock_timestamp()) OVER (PARTITION BY q.requested_by, q.table_name) < q.id,
      false) AS is_put_off
  FROM queued AS q
),

held AS MATERIALIZED (
  SELECT r.created_at, r.verdict = 'failed' AS is_failed
  FROM schemad.schema_requests AS r
  WHERE num_nulls(r.processed_at) = 1 AND num_nulls(r.verdict) = 0 -- in the words of the index of these
  ORDER BY r.created_at
  LIMIT 100000
),

waiting AS (
  SELECT
    count(*) FILTER (WHERE NOT q.is_put_off) AS due,
    count(*) FILTER (WHERE q.is_put_off) AS put_off,
    extract(EPOCH FROM clock_timestamp() - min(q.created_at) FILTER (WHERE NOT q.is_put_off))::double precision AS oldest_due,
    extract(EPOCH FROM clock_timestamp() - min(q.created_at) FILTER (WHERE q.is_put_off))::double precision AS oldest_put_off
  FROM standing AS q
),

for_people AS (
  SELECT
    count(*) FILTER (WHERE NOT h.is_failed) AS review,
    count(*) FILTER (WHERE h.is_failed) AS failed,
    extract(EPOCH FROM clock_timestamp() - min(h.created_at) FILTER (WHERE NOT h.is_failed))::double precision AS oldest_review,
    extract(EPOCH FROM clock_timestamp() - min(h.created_at) FILTER (WHERE h.is_failed))::double precision AS oldest_failed
  FROM held AS h
)

SELECT w.*, p.*,
  (
    SELECT count(*)
    FROM pg_stat_activity AS a
    WHERE a.datname = current_database() AND a.application_name = 'schemad worker'
  ) AS daemons,
  pg_notification_queue_usage() AS notify_queue_usage
FROM waiting AS w, for_people AS p
