"""schemad: applications ask PostgreSQL for a table in SQL and get it right away, safely."""

__version__ = "0.1.0"
