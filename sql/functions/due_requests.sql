CREATE OR REPLACE FUNCTION schemad.due_requests(row_limit integer, leave_out integer[], busy_tables text[]) RETURNS integer[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
-- The oldest ones, what was put off after what was not. Where there are more than asked for, each role's first, then each
-- one's second, and so on: a backlog of one role does not keep the others waiting, nor, within a role, one of a requester.
-- The oldest request of all is among them, so that everybody's turn comes, even where more wait than are looked at.
DECLARE
  now constant timestamptz := clock_timestamp();
  oldest integer[];
  first record;
  workers integer;
  lane integer;
BEGIN
  oldest := array(
    SELECT r.id
    FROM schemad.schema_requests AS r
    WHERE r.processed_at IS NULL AND r.verdict IS NULL
      AND coalesce(r.next_attempt_at, '-infinity') <= now
      AND r.id NOT IN (SELECT unnest(leave_out))
      AND lower(r.schema_name COLLATE "C") NOT IN (SELECT unnest(busy_tables))
      AND concat_ws(' ', r.requested_by, lower(r.schema_name COLLATE "C")) NOT IN (SELECT unnest(busy_tables))
      -- Most often none was put off, and then none need be asked whether it overtakes one. In the same snapshot, as another
      -- daemon may put one off any moment.
      AND NOT (
        EXISTS (
          SELECT FROM schemad.schema_requests AS w
          WHERE num_nulls(w.verdict, w.processed_at) = 2 AND w.next_attempt_at IS NOT NULL)
        AND schemad.is_overtaking(r.id, r.schema_name, r.requested_by, leave_out))
    ORDER BY coalesce(r.next_attempt_at, '-infinity'), r.id
    LIMIT row_limit);
  IF cardinality(oldest) < row_limit THEN
    RETURN oldest;
  END IF;

  -- Daemons that share a long queue prefer different requests of it, else they would plan the same ones: now and then
  -- they don't, in case that one of them stands still.
  SELECT count(*), count(*) FILTER (WHERE a.pid < pg_backend_pid()) INTO workers, lane
  FROM pg_stat_activity AS a
  WHERE a.datname = current_database() AND a.application_name = 'schemad worker';
  IF workers = 0 OR random() < 0.1 THEN
    workers := 1;
    lane := 0;
  END IF;

  SELECT r.requested_by, r.requester_user_id INTO first FROM schemad.schema_requests AS r WHERE r.id = oldest[1];
  -- Where all that wait are one requester's, there are no turns to take, and without others a daemon has all of the queue for
  -- itself. By index, which <> would not be.
  IF workers = 1
    AND NOT EXISTS (
      SELECT FROM schemad.schema_requests AS r
      WHERE num_nonnulls(r.processed_at, r.verdict) = 0
        AND (r.requested_by, r.requester_user_id) > (first.requested_by, first.requester_user_id))
    AND NOT EXISTS (
      SELECT FROM schemad.schema_requests AS r
      WHERE num_nonnulls(r.processed_at, r.verdict) = 0
        AND (r.requested_by, r.requester_user_id) < (first.requested_by, first.requester_user_id))
  THEN
    RETURN oldest;
  END IF;

  RETURN array(
    WITH RECURSIVE roles AS (
      SELECT first.requested_by AS name, 1 AS place
      UNION ALL
      SELECT n.requested_by, q.place + 1
      FROM roles AS q
      CROSS JOIN LATERAL (
        -- The next one, or, after the last one, the first of all.
        SELECT *
        FROM (
          (
            SELECT r.requested_by
            FROM schemad.schema_requests AS r
            WHERE num_nonnulls(r.processed_at, r.verdict) = 0 AND r.requested_by > q.name
            ORDER BY r.requested_by
            LIMIT 1
          )
          UNION ALL
          (
            SELECT r.requested_by
            FROM schemad.schema_requests AS r
            WHERE num_nonnulls(r.processed_at, r.verdict) = 0
            ORDER BY r.requested_by
            LIMIT 1
          )
        ) AS either
        LIMIT 1
      ) AS n
      WHERE q.place < 4 * row_limit AND n.requested_by <> first.requested_by
    ),
    picked AS (
      SELECT d.id, d.turn
      FROM roles AS q
      CROSS JOIN LATERAL schemad.due_of_role(
        q.name, CASE WHEN q.place = 1 THEN first.requester_user_id END,
        greatest(row_limit / (SELECT count(*) FROM roles)::integer, 1) * workers, leave_out, busy_tables) AS d
      UNION ALL
      -- What is left of the batch, where some have fewer than their share.
      SELECT o.id, row_limit * workers + o.ordinality
      FROM unnest(oldest) WITH ORDINALITY AS o (id, ordinality)
    )
    SELECT p.id
    FROM picked AS p
    GROUP BY p.id
    ORDER BY p.id % workers = lane DESC, min(p.turn), p.id
    LIMIT row_limit);
END
$function$;

COMMENT ON FUNCTION schemad.due_requests(integer, integer[], text[]) IS
  'Ids of requests that wait to be assessed or applied, at most row_limit, requester by requester in turn; without those of the given ids and tables, or, where a role stands before the table, of that role for it. Internal to the daemon.';
