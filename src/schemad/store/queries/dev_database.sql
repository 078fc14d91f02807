-- The development database.
CREATE DATABASE dev
