"""What was read of tables and indexes, as PostgreSQL counts it: tells of plans that can't be had by EXPLAIN."""

import json
from collections.abc import Sequence

from schemad.store import Connection

# What a session has read is counted at its end, or when it asks for that.
COUNT = "SELECT pg_stat_force_next_flush()"
_READ = """
SELECT jsonb_object_agg(name, rows)::text
FROM (
  SELECT t.relname AS name, t.seq_tup_read AS rows FROM pg_stat_user_tables AS t WHERE t.relname = ANY ($1)
  UNION ALL
  SELECT i.indexrelname, i.idx_tup_read FROM pg_stat_user_indexes AS i WHERE i.relname = ANY ($1)
) AS counted
"""


async def rows_read(admin: Connection, tables: Sequence[str]) -> dict[str, int]:
    """Rows of each table that were read in a scan of the whole, and entries of each index, so far."""
    await admin.execute(COUNT)
    found: dict[str, int] = json.loads(await admin.fetchval(_READ, tables))
    return found
