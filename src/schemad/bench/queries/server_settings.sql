-- The server's version, and what decides how long a commit and a CREATE TABLE take.
SELECT s.name, current_setting(s.name) AS setting
FROM pg_settings AS s
WHERE s.name IN ('server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers', 'wal_level')
ORDER BY s.name
