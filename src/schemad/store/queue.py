"""The queue: requests that wait, and one transaction for what becomes of a batch of them."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from schemad.policy import Policy, TableFacts
from schemad.store.connect import Connection
from schemad.store.outcomes import Outcome, outcome_row
from schemad.store.queued import QueuedRequest
from schemad.store.sql_files import query


class Result(StrEnum):
    """What `schemad.apply_batch()` says of each decision."""

    APPLIED = "applied"
    HELD = "held"
    FAILED = "failed"
    RETRY = "retry"  # an error that passes; next_attempt_at is set
    STALE = "stale"  # policy or table changed since it was planned; nothing was recorded
    TAKEN = "taken"  # another daemon has it, or it was decided meanwhile; nothing was recorded
    UNRECORDED = "unrecorded"  # said by the worker: not even that it failed could be recorded


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one decision."""

    request_id: int
    result: Result
    error_code: str | None
    error_message: str | None


class Queue:
    """The queue, through one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def candidates(self, limit: int, leave_out: Collection[int]) -> list[QueuedRequest]:
        """The oldest requests that are due, at most `limit`, without those of the given ids."""
        rows = await self._connection.fetch(query("candidates"), limit, list(leave_out))
        return [QueuedRequest(**{**row, "facts": TableFacts.from_row(json.loads(row["facts"]))}) for row in rows]

    async def apply(self, policy_version: int, outcomes: Sequence[Outcome]) -> list[Applied]:
        """Claims, applies and records a batch, in one transaction and one round trip.

        Raises:
            asyncpg.PostgresError: The transaction as a whole failed, and nothing was recorded.
        """
        rows = await self._connection.fetch(
            query("apply"), policy_version, json.dumps([outcome_row(o) for o in outcomes])
        )
        return [
            Applied(row["request_id"], Result(row["result"]), row["error_code"], row["error_message"])
            for row in rows
        ]

    async def policy(self) -> Policy:
        """The policy as it is now."""
        row = await self._connection.fetchrow(query("policy"))
        if row is None:
            raise LookupError("schemad.policy has no row; schemad.policy's one row must stay")
        return Policy.from_row(dict(row))

    async def next_attempt(self, leave_out: Collection[int]) -> float | None:
        """Seconds until the next request that was put off is due, but for the given ids; None: there is none."""
        seconds: float | None = await self._connection.fetchval(query("next_attempt"), list(leave_out))
        return seconds
