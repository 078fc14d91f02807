"""The state of the queue: what waits, since when, and how many daemons work on it."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemad.store.connect import Connection
from schemad.store.one_row import one_row

STATES = ("due", "put_off", "review", "failed")


@dataclass(frozen=True, slots=True)
class QueueState:
    """What waits in the queue, of all daemons and requesters.

    Attributes:
        waiting: How many requests, by state: due, put_off (for a further attempt, or that of an earlier one of the
            role for the table), review and failed (for a person). Counted up to 100,000.
        oldest_seconds: The age of the oldest one, by state; 0 where there is none.
        daemons: How many daemons are connected to this database.
        notify_queue_usage: How full the server's queue of notifications is, from 0 to 1.
    """

    waiting: Mapping[str, int]
    oldest_seconds: Mapping[str, float]
    daemons: int
    notify_queue_usage: float


async def read_queue_state(connection: Connection) -> QueueState:
    """Reads it, in one query.

    Args:
        connection: As a role that may see all requests.
    """
    row = await one_row(connection, "queue_state")
    return QueueState(
        {state: row[state] for state in STATES},
        {state: row[f"oldest_{state}"] or 0.0 for state in STATES},
        row["daemons"],
        row["notify_queue_usage"],
    )
