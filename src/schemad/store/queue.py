"""The queue: requests that wait, and one transaction for what becomes of a batch of them."""

import json
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from schemad.policy import Policy, TableFacts
from schemad.store.connect import Connection
from schemad.store.decided import DecidedRequest, decision_row
from schemad.store.one_row import one_row
from schemad.store.queued import QueuedRequest
from schemad.store.sql_files import query

# Seconds for which no request is put off: schemad.next_attempt() has up to a minute, and jitter.
LONGEST_WAIT = 120.0
_ROWS = TypeAdapter(list[dict[str, Any]])


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
class Outcome:
    """What became of one decision of a batch: a `schemad.outcome`, with the request that it is of."""

    request_id: int
    result: Result
    error_code: str | None
    error_message: str | None


@dataclass(frozen=True, slots=True)
class Candidates:
    """What was read of the queue.

    Attributes:
        requests: Requests that are due, one for each table.
        found: How many are due, others for the same tables included; less than asked for: that is all of them but
            for those that were left out.
    """

    requests: list[QueuedRequest]
    found: int


class Queue:
    """The queue, through one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def candidates(
        self,
        limit: int,
        leave_out: Collection[int] = (),
        busy_tables: Collection[str] = (),
        awaited: Collection[tuple[str, str]] = (),
    ) -> Candidates:
        """Requests that are due, at most `limit`, each requester's in turn.

        Args:
            limit: How many at most.
            leave_out: Ids of requests that are not to be among them.
            busy_tables: Folded names of tables, requests for which are not to be among them.
            awaited: Roles and folded names of tables: no request of the role for the table is to be among them.
        """
        # No table has a name with a space: where an awaited one is misnamed so, another may wait with it.
        busy = [*busy_tables, *(f"{role} {table}" for role, table in awaited)]
        rows = await self._connection.fetch(query("candidates"), limit, list(leave_out), busy)
        now = time.monotonic()
        requests = []
        for row in map(dict, rows):
            row.pop("due_count")
            row |= {"facts": TableFacts.from_row(json.loads(row["facts"])), "submitted": now - row.pop("waited")}
            requests.append(QueuedRequest(**row))
        return Candidates(requests, rows[0]["due_count"] if rows else 0)

    async def apply(self, policy_version: int, batch: Sequence[DecidedRequest]) -> list[Outcome]:
        """Claims, applies and records a batch, in one transaction and one round trip.

        Raises:
            asyncpg.PostgresError: The transaction as a whole failed, and nothing was recorded.
        """
        # Not by the standard library's json, which takes longer: the request waits for it.
        decisions = _ROWS.dump_json([decision_row(decided) for decided in batch]).decode()
        rows = await self._connection.fetch(query("apply"), policy_version, decisions)
        return [
            Outcome(row["request_id"], Result(row["result"]), row["error_code"], row["error_message"])
            for row in rows
        ]

    async def count_attempts(self, tried: Sequence[QueuedRequest], error: str) -> set[int]:
        """Counts an attempt whose answer was cut off, for those requests that are as they were read.

        Returns:
            The ids for which that is settled; the others are locked, perhaps by that very attempt, still at work.
        """
        ids, attempts = [r.id for r in tried], [r.attempts for r in tried]
        rows = await self._connection.fetch(query("count_attempts"), ids, attempts, error)
        return {row["id"] for row in rows}

    async def policy(self) -> Policy:
        """The policy as it is now."""
        return Policy.from_row(dict(await one_row(self._connection, "policy")))

    async def next_attempt(self, leave_out: Collection[int]) -> float | None:
        """Seconds until the next request that was put off is due, but for the given ids; None: there is none.

        Where the clock of the server was set back since, it is due now.
        """
        seconds: float | None = await self._connection.fetchval(query("next_attempt"), list(leave_out))
        if seconds is not None and seconds >= LONGEST_WAIT:
            await self._connection.execute(query("heed_clock"), LONGEST_WAIT)
            seconds = await self._connection.fetchval(query("next_attempt"), list(leave_out))
        return seconds
