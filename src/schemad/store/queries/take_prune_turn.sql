-- Takes the turn to prune, unless somebody did so within the interval $1. Seconds until the next one; 0: it is the caller's.
WITH found AS MATERIALIZED (
  SELECT p.turn_at,
    -- A turn in the future was taken by a clock that was wrong.
    p.turn_at NOT BETWEEN clock_timestamp() - $1::interval AND clock_timestamp() AS is_due
  FROM schemad.pruning AS p
  FOR UPDATE
),

taken AS (
  UPDATE schemad.pruning AS p
  SET turn_at = clock_timestamp()
  FROM found AS f
  WHERE f.is_due
)

SELECT CASE
  WHEN f.is_due THEN 0
  ELSE greatest(extract(epoch FROM f.turn_at + $1::interval - clock_timestamp()), 0.001)
END::double precision
FROM found AS f
