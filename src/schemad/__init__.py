"""schemad: applications ask PostgreSQL for a table in SQL and get it right away, safely."""

__version__ = "0.1.0"
# Major versions of PostgreSQL: the oldest one that will do, and those that every test runs on.
OLDEST_POSTGRES = 15
TESTED_POSTGRES = (15, 16, 18)
