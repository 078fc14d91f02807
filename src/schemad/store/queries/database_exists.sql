-- Whether the cluster has a database of this name.
SELECT EXISTS (SELECT FROM pg_database AS d WHERE d.datname = $1)
