-- Settings of this session, by which it is seen whether it got what it was started with. $1: their names.
SELECT n AS name, current_setting(n) AS value
FROM unnest($1::text[]) AS n
