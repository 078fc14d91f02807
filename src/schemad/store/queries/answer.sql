-- Whether anybody is there.
SELECT
