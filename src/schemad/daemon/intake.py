"""The intake: reads requests that are due and decides on each, while appliers are at work on earlier ones."""

from collections.abc import Collection
from dataclasses import dataclass

import asyncpg

import schemad.request.grammar  # noqa: F401 - for its effect: the parser is loaded before a request needs it
from schemad.daemon.doubt import Doubt
from schemad.daemon.journal import Journal
from schemad.daemon.pulse import Pulse
from schemad.ddl import decide
from schemad.policy import Policy
from schemad.request.names import fold
from schemad.settings import Settings
from schemad.store import Connection, DecidedRequest, Queue, QueuedRequest

LOCK_NOT_AVAILABLE = asyncpg.LockNotAvailableError.sqlstate
CONNECTION_FAILURE = asyncpg.ConnectionFailureError.sqlstate


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be applied in one transaction, and what was read with it.

    Attributes:
        policy_version: The policy that everything was decided by.
        decided: What is to be applied and recorded; one for each table.
        waiting: Requests whose foreign key points at a table that was asked for earlier.
        undecided: Ids of requests on which no decision could be made.
        is_full: Whether there may be more than could be read at once.
        left_others: Whether there are more for the same tables.
    """

    policy_version: int
    decided: list[DecidedRequest]
    waiting: list[QueuedRequest]
    undecided: list[int]
    is_full: bool
    left_others: bool

    @property
    def tables(self) -> set[str]:
        """The names that it works on."""
        return {fold(decided.request.schema_name) for decided in self.decided}


class Intake:
    """Reads and decides, on a connection of its own.

    Args:
        connection: Used by nobody else.
        doubt: Of that connection.
        settings: How many at once, and whether anything is applied by itself.
        journal: Where a failed decision is told.
        pulse: Beats at each answer.
    """

    def __init__(
        self, connection: Connection, doubt: Doubt, settings: Settings, journal: Journal, pulse: Pulse
    ) -> None:
        self._queue = Queue(connection)
        self._doubt = doubt
        self._settings = settings
        self._journal = journal
        self._pulse = pulse
        self._limit = settings.batch_size
        self._policy: Policy | None = None

    async def read(
        self, leave_out: Collection[int], busy_tables: Collection[str], awaited: Collection[tuple[str, str]] = ()
    ) -> Batch | None:
        """The next batch; None: nothing is due.

        Args:
            leave_out: Ids of requests that are not to be in it.
            busy_tables: Tables that nothing in it is to be for.
            awaited: Roles and tables: nothing of the role for the table is to be in it.

        Raises:
            OSError, asyncpg.PostgresError: It can't be read.
        """
        while True:
            limit = self._limit
            try:
                with self._doubt.awaiting():
                    candidates = await self._queue.candidates(limit, leave_out, busy_tables, awaited)
                self._pulse.beat()
                break
            except asyncpg.QueryCanceledError:
                self._pulse.beat()
                if limit == 1:
                    raise
                # So many of them take too long to look up: fewer, for a while.
                self._limit = limit // 2
        self._limit = min(2 * limit, self._settings.batch_size)
        requests = candidates.requests
        if not requests:
            return None
        # Under the version that they were read under: where it is another by now, the database says so.
        policy = await self._policy_for(requests[0].policy_version)
        decided = {r.id: self._decide(r, policy) for r in requests if not r.facts.awaits_reference}
        return Batch(
            requests[0].policy_version,
            [each for each in decided.values() if each],
            [r for r in requests if r.facts.awaits_reference],
            [i for i, each in decided.items() if each is None],
            candidates.found >= limit,
            candidates.found > len(requests),
        )

    async def next_attempt(self, leave_out: Collection[int]) -> float | None:
        """Seconds until the next request that was put off is due, but for the given ids; None: there is none."""
        return await self._queue.next_attempt(leave_out)

    async def _policy_for(self, version: int) -> Policy:
        """The policy, loaded anew where the requests were read under another version."""
        if self._policy is None or self._policy.version != version:
            self._policy = await self._queue.policy()
            self._journal.policy_loaded(self._policy.version)
        return self._policy

    def _decide(self, request: QueuedRequest, policy: Policy) -> DecidedRequest | None:
        """The request with what was decided on it; None where deciding failed, which the log then tells."""
        try:
            with self._journal.telemetry.spans("decide", (request.id,)):
                decision = decide(
                    request.schema_name,
                    request.payload,
                    policy,
                    request.facts,
                    requested_by=request.requested_by,
                    auto_create=self._settings.enable_auto_create,
                    approved_sql=request.approved_sql,
                    approved_rules=frozenset(request.seen_rules),
                )
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not keep other requests waiting
            # A defect of schemad's. It stays in the queue, and the others don't wait for it.
            self._journal.undecided(request, error)
            return None
        if request.attempts >= policy.max_attempts:
            # Each attempt ended with the link, before it could be recorded: not once more.
            return DecidedRequest(
                request, decision, CONNECTION_FAILURE, f"given up after {request.attempts} attempts"
            )
        if request.facts.is_locked:
            # What is to be done depends on what is in it: put off, as if the DDL had run into the lock.
            return DecidedRequest(
                request, decision, LOCK_NOT_AVAILABLE, f"{request.schema_name} is locked by somebody"
            )
        return DecidedRequest(request, decision)
