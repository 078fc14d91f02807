"""An applier: has the database apply batches, on a connection of its own."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import asyncpg

from schemad.daemon.doubt import Doubt
from schemad.daemon.journal import Journal
from schemad.daemon.pulse import Pulse
from schemad.store import Connection, DecidedRequest, Outcome, Queue, Result
from schemad.store.connect import LINK_ERRORS, LINK_LOST, is_notification_queue_full

Settled = list[tuple[DecidedRequest, Outcome]]

# Seconds after which no further one is begun of those that go alone: each may wait for a lock.
BUDGET = 1.0
INTERNAL_ERROR = asyncpg.InternalServerError.sqlstate


class Applier:
    """Applies batches, one after the other.

    Args:
        connection: Used by nobody else.
        doubt: Of that connection.
        journal: Where it is told that a batch broke off.
        pulse: Beats at each answer.

    Attributes:
        trying: What was sent to the server and not answered yet: if the link is lost now, nobody knows what became
            of it.
    """

    def __init__(self, connection: Connection, doubt: Doubt, journal: Journal, pulse: Pulse) -> None:
        self._connection = connection
        self._doubt = doubt
        self._journal = journal
        self._pulse = pulse
        self._queue = Queue(connection)
        self._settled: Settled = []
        self.trying: Sequence[DecidedRequest] = ()

    async def apply(self, policy_version: int, batch: Sequence[DecidedRequest]) -> None:
        """Applies a batch; one by one where it breaks off as a whole, so that the culprit fails alone.

        What was tried before goes alone at once: whatever became of it shall not become of others. So does what
        needs a table that is there: neither shall others wait for its lock, nor that table's users for others.
        What became of them is had by take_settled(), whatever the rest ends with.

        Raises:
            OSError, asyncpg.PostgresError: One of LINK_ERRORS; what was not applied before stays as it was.
        """
        alone = [d for d in batch if d.request.attempts or d.locks_others or d.runs_others_code]
        together = [d for d in batch if d not in alone]
        if together:
            await self._apply(policy_version, together)
        clock = asyncio.get_running_loop().time
        started = clock()
        for decided in alone:
            if clock() > started + BUDGET:
                # Left in the queue, for its next turn.
                self._settled.append((decided, Outcome(decided.request.id, Result.STALE, None, None)))
                continue
            await self._apply(policy_version, [decided])
            if decided.runs_others_code:
                await self._cleanse()

    def take_settled(self) -> Settled:
        """What has become of those that were answered, in the order of their transactions; each is had once."""
        settled, self._settled = self._settled, []
        return settled

    async def _cleanse(self) -> None:
        """Undoes what was done to the session: settings, statements prepared under the names of the driver's."""
        await self._connection.execute("DISCARD ALL")
        await self._connection.reload_schema_state()

    async def _apply(self, policy_version: int, batch: Sequence[DecidedRequest], *, again: bool = False) -> None:
        try:
            results = await self._send(policy_version, batch)
        except asyncpg.OutOfMemoryError:
            if len(batch) == 1:
                raise
            # Its locks did not fit into the server's table of them.
            half = len(batch) // 2
            await self._apply(policy_version, batch[:half])
            await self._apply(policy_version, batch[half:])
            return
        except asyncpg.QueryCanceledError as error:
            await self._one_by_one(policy_version, batch, error)
            return
        except LINK_ERRORS:
            raise
        except asyncpg.ProgramLimitExceededError as error:
            if await is_notification_queue_full(self._connection):
                # Somebody listens, and does not read: nobody can notify, so no batch can be committed.
                raise ConnectionError(f"no notification can be sent: {error}") from error
            if not again:
                # Asking may have made room. If not, it is another limit, and one of the requests is beyond it.
                await self._apply(policy_version, batch, again=True)
            else:
                await self._one_by_one(policy_version, batch, error)
            return
        except Exception as error:  # noqa: BLE001 - a defect of schemad's included: it must not keep others waiting
            await self._one_by_one(policy_version, batch, error)
            return
        by_id = {decided.request.id: decided for decided in batch}
        if {outcome.request_id for outcome in results} != by_id.keys():
            raise ConnectionError("the session answers what it was not asked")
        self._settled += [(by_id[outcome.request_id], outcome) for outcome in results]

    async def _send(self, policy_version: int, batch: Sequence[DecidedRequest]) -> list[Outcome]:
        self.trying = batch
        try:
            ids = [decided.request.id for decided in batch]
            with self._doubt.awaiting(), self._journal.telemetry.applying(ids):
                results = await self._queue.apply(policy_version, batch)
        except LINK_LOST:
            raise
        except Exception:
            self.trying = ()  # an answer: nothing was committed
            self._pulse.beat()
            raise
        self.trying = ()
        self._pulse.beat()
        return results

    async def _one_by_one(self, policy_version: int, batch: Sequence[DecidedRequest], error: Exception) -> None:
        if len(batch) > 1:
            self._journal.batch_broken(len(batch), error)
            for decided in batch:
                await self._apply(policy_version, [decided])
            return
        code = getattr(error, "sqlstate", None) or INTERNAL_ERROR
        if batch[0].error_code is not None:
            # Not even its record can be written. It stays in the queue, and the others don't wait for it.
            unrecorded = Outcome(batch[0].request.id, Result.UNRECORDED, code, str(error))
            self._settled.append((batch[0], unrecorded))
            return
        await self._apply(policy_version, [replace(batch[0], error_code=code, error_message=str(error))])
