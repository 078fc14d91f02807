CREATE OR REPLACE FUNCTION schemad.due_of_role(
  role_name name,
  first_user text,
  row_limit integer,
  leave_out integer[],
  busy_tables text[]
) RETURNS TABLE (id integer, turn bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
-- Each requester's oldest, then each one's second, and so on; from first_user on, or, where that is NULL, from the first.
DECLARE
  now constant timestamptz := clock_timestamp();
  -- Else it would have the collation of a name, by which no index helps to compare it.
  start_user constant text COLLATE "default" := coalesce(first_user, (
    SELECT r.requester_user_id
    FROM schemad.schema_requests AS r
    WHERE num_nonnulls(r.processed_at, r.verdict) = 0 AND r.requested_by = role_name
    ORDER BY r.requester_user_id
    LIMIT 1));
BEGIN
  RETURN QUERY
  WITH RECURSIVE requester AS (
    SELECT start_user AS name, 1 AS place
    UNION ALL
    SELECT n.name, q.place + 1
    FROM requester AS q
    CROSS JOIN LATERAL (
      -- The next one, or, after the last one, the first of all.
      SELECT either.name
      FROM (
        (
          SELECT r.requester_user_id::text AS name
          FROM schemad.schema_requests AS r
          WHERE num_nonnulls(r.processed_at, r.verdict) = 0 AND r.requested_by = role_name AND r.requester_user_id > q.name
          ORDER BY r.requester_user_id
          LIMIT 1
        )
        UNION ALL
        (
          SELECT r.requester_user_id::text
          FROM schemad.schema_requests AS r
          WHERE num_nonnulls(r.processed_at, r.verdict) = 0 AND r.requested_by = role_name
          ORDER BY r.requester_user_id
          LIMIT 1
        )
      ) AS either
      LIMIT 1
    ) AS n
    WHERE q.place < row_limit AND n.name <> start_user
  ),
  picked AS (
    SELECT p.id, p.turn
    FROM requester AS q
    CROSS JOIN LATERAL (
      SELECT r.id, row_number() OVER (ORDER BY coalesce(r.next_attempt_at, '-infinity'), r.id) AS turn
      FROM schemad.schema_requests AS r
      WHERE num_nonnulls(r.processed_at, r.verdict) = 0
        AND r.requested_by = role_name AND r.requester_user_id = q.name
        AND coalesce(r.next_attempt_at, '-infinity') <= now
        AND r.id NOT IN (SELECT unnest(leave_out))
        AND lower(r.schema_name COLLATE "C") NOT IN (SELECT unnest(busy_tables))
        AND concat_ws(' ', role_name, lower(r.schema_name COLLATE "C")) NOT IN (SELECT unnest(busy_tables))
        -- As in due_requests().
        AND NOT (
          EXISTS (
            SELECT FROM schemad.schema_requests AS w
            WHERE num_nulls(w.verdict, w.processed_at) = 2 AND w.next_attempt_at IS NOT NULL)
          AND schemad.is_overtaking(r.id, r.schema_name, role_name, leave_out))
      ORDER BY coalesce(r.next_attempt_at, '-infinity'), r.id
      LIMIT greatest(row_limit / (SELECT count(*) FROM requester), 1)
    ) AS p
  )
  SELECT p.id, row_number() OVER (ORDER BY p.turn, p.id)
  FROM picked AS p;
END
$function$;

COMMENT ON FUNCTION schemad.due_of_role(name, text, integer, integer[], text[]) IS
  'Requests of a role that wait to be assessed or applied, about row_limit of them, numbered requester by requester in turn. Internal to the daemon.';
