"""Pruning: old rows removed as the policy says, and turns at it, so that daemons do not do it all at once."""

from datetime import timedelta

from schemad.store.connect import Connection
from schemad.store.sql_files import query


async def take_turn(connection: Connection, interval: float) -> float:
    """Takes the turn to prune, unless somebody did so within the last `interval` seconds.

    Returns:
        Seconds until the next turn; 0: it is the caller's, now.
    """
    seconds: float = await connection.fetchval(query("take_prune_turn"), timedelta(seconds=interval))
    return seconds


async def prune(connection: Connection, row_limit: int) -> dict[str, int]:
    """Removes at most `row_limit` rows that are older than the policy keeps; how many of which table.

    Raises:
        asyncpg.PostgresError: Nothing was removed by this call.
    """
    rows = await connection.fetch(query("prune"), row_limit)
    return {row["table_name"]: row["removed"] for row in rows}
