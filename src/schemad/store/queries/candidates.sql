-- Requests that wait to be assessed or, once approved, to be applied; with what the database holds under their names.
-- $1: how many at most. $2: ids to leave out. $3: tables to leave out; of one role alone
-- where it stands before the name, with a space.
SELECT c.*
FROM schemad.candidates($1::integer, $2::integer[], $3::text[]) AS c
