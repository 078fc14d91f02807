-- The role of this session.
SELECT current_user::text
