"""The worker: takes batches from the queue, decides on each request, and applies and records the batch.

States: drain (batches until one comes back short) → wait (for a wake-up, the next attempt of a request that was
put off, or the poll interval) → drain. An error of the link ends both: it connects again and drains.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from enum import Enum, auto

import asyncpg
from structlog.typing import FilteringBoundLogger

from schemad.daemon.backoff import keep_connected
from schemad.daemon.pace import Pace
from schemad.daemon.watch import Watch
from schemad.ddl import decide
from schemad.policy import Policy
from schemad.settings import Settings
from schemad.store import Applied, Connection, Outcome, Queue, QueuedRequest, Result, connect
from schemad.store.connect import LINK_ERRORS
from schemad.store.migrate import require_current_schema
from schemad.store.outcomes import POLICY_DECIDER
from schemad.store.sql_files import query

# Another daemon that has a request may die with it, and what kept one from being recorded may be mended: such
# are looked at again after so many seconds.
TAKEN_INTERVAL = 1.0
# Rounds in which a request may be found changed underneath before it is left to the next drain.
STALE_ROUNDS = 5
# For the server to take a cancellation; a link that is slower is given up.
CANCEL_TIMEOUT = 1.0
LOCK_NOT_AVAILABLE = asyncpg.LockNotAvailableError.sqlstate
SETTLED = (Result.APPLIED, Result.HELD, Result.FAILED)


class Cause(Enum):
    """Why the queue is looked at."""

    WAKEUP = auto()
    DUE = auto()  # known beforehand: a further attempt, a watch, the start
    POLL = auto()


class Worker:
    """Works the queue off.

    Args:
        settings: Where, how many at once, how often to poll.
        wakeup: Set by whoever knows that there may be something to do.
        watch_announced: Set by whoever learns of another daemon's watch, or may have missed one.
        stopping: Once set, the batch in hand is the last one. Whoever sets it sets `wakeup` too.
        log: Where each decision is told.
    """

    def __init__(
        self,
        settings: Settings,
        wakeup: asyncio.Event,
        watch_announced: asyncio.Event,
        stopping: asyncio.Event,
        log: FilteringBoundLogger,
    ) -> None:
        self._settings = settings
        self._wakeup = wakeup
        self._watch_announced = watch_announced
        self._stopping = stopping
        self._log = log
        self._policy: Policy | None = None
        # Seconds until something is due that nobody will wake for; None: the poll interval will do.
        self._due: float | None = None
        # Whether a request may wait for its next attempt; those of an earlier life of the daemon included.
        self._put_off = True
        self._pace = Pace()
        # How often it has looked at the queue.
        self.sweeps = 0
        self.drained = asyncio.Event()
        # Whether it may have a batch in hand.
        self.busy = False

    async def run(self) -> None:
        """Works until `stopping` is set, connecting again whenever the link fails."""
        await keep_connected(self._serve, part="worker", log=self._log)

    async def _serve(self, works: Callable[[], None]) -> None:
        connection = await connect(
            self._settings.dsn,
            job="worker",
            timeout=self._settings.connect_timeout,
            lock_timeout=self._settings.lock_timeout,
            statement_timeout=self._settings.statement_timeout,
            answer_timeout=self._settings.statement_timeout + self._settings.probe_timeout,
            pinned=True,
        )
        try:
            await require_current_schema(connection)
            queue = Queue(connection)
            watch = Watch(connection, self._watch_announced)
            self._log.info("worker.connected", auto_create=self._settings.enable_auto_create)
            cause = Cause.DUE
            while not self._stopping.is_set():
                # Cleared before the query: what arrives during it sets it again, and is not lost.
                self._wakeup.clear()
                self.busy = True
                try:
                    found = await self._drain(queue, watch)
                finally:
                    self.busy = False
                works()
                self.sweeps += 1
                self.drained.set()
                if cause is Cause.WAKEUP and not found:
                    self._pace.swept_in_vain(asyncio.get_running_loop().time())
                elif cause is Cause.POLL and found and await self._expects_notifications(connection):
                    self._log.warning("queue.found_by_poll", requests=found)
                if not watch.may_be_on:
                    cause = await self._wait(self._due)
                elif await watch.end():
                    cause = Cause.DUE  # once more: what nobody notified of has been committed by now
                else:
                    pause = watch.pause(found=found > 0)
                    cause = await self._wait(pause if self._due is None else min(self._due, pause))
        except asyncio.CancelledError:
            # The statement in hand would go on in the server, with its locks: close() cancels it first.
            with contextlib.suppress(*LINK_ERRORS):
                await asyncio.wait_for(connection.close(), CANCEL_TIMEOUT)
            raise
        finally:
            connection.terminate()

    async def _expects_notifications(self, connection: Connection) -> bool:
        """Whether requests should be found by notifications, and not by polling."""
        return self._settings.listen and await connection.fetchval(query("notifies")) is True

    async def _wait(self, due: float | None) -> Cause:
        """Waits for something to do; `due` is the seconds until there is, if that is known."""
        jitter = random.uniform(0.9, 1.1)  # noqa: S311 - spreads polls, guards nothing
        timeout = min(self._settings.poll_interval * jitter, due if due is not None else 3600.0)
        cause = Cause.WAKEUP

        def ring() -> None:
            nonlocal cause
            if not self._wakeup.is_set():
                cause = Cause.POLL if due is None else Cause.DUE
                self._wakeup.set()

        # One event, no task and no more: this is between a notification and the query that it causes.
        timer = asyncio.get_running_loop().call_later(timeout, ring)
        try:
            await self._wakeup.wait()
        finally:
            timer.cancel()
        if cause is Cause.WAKEUP:
            await self._rest()
        return cause

    async def _rest(self) -> None:
        """Lets a flood of wake-ups pass that leads to nothing."""
        if seconds := self._pace.rest(asyncio.get_running_loop().time()):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._stopping.wait()

    async def _drain(self, queue: Queue, watch: Watch) -> int:
        """Takes batches until there is nothing left that is due; returns how many requests it settled."""
        settled = 0
        leave_out: set[int] = set()
        stale: Counter[int] = Counter()
        while not self._stopping.is_set():
            requests = await queue.candidates(self._settings.batch_size, leave_out)
            if not requests:
                break
            policy = await self._policy_for(queue, requests)
            waiting = [r.id for r in requests if r.facts.awaits_reference]
            decided = {r.id: self._decide(r, policy) for r in requests if not r.facts.awaits_reference}
            leave_out.update(i for i, outcome in decided.items() if outcome is None)
            batch = _one_a_table(outcome for outcome in decided.values() if outcome)
            # Under the version that they were read under: where it is another by now, the database says so.
            results = await self._apply(queue, requests[0].policy_version, batch)
            for outcome, applied in results:
                self._tell(outcome, applied)
            by_result = {r: [a.request_id for _, a in results if a.result is r] for r in Result}
            stale.update(by_result[Result.STALE])
            if not any(by_result[r] for r in SETTLED):
                stale.update(waiting)  # another daemon has what they wait for
            leave_out.update(by_result[Result.TAKEN], by_result[Result.UNRECORDED])
            leave_out.update(i for i, rounds in stale.items() if rounds >= STALE_ROUNDS)
            self._put_off = self._put_off or bool(by_result[Result.RETRY])
            progress = sum(len(by_result[r]) for r in SETTLED)
            settled += progress
            came_back_short = len(requests) < self._settings.batch_size
            # More is waiting. But not where nothing moves: it would go round and round.
            if progress and not came_back_short:
                await watch.keep()
            if came_back_short and not by_result[Result.STALE] and len(batch) == len(requests):
                break
        self._due = TAKEN_INTERVAL if leave_out else None
        if self._put_off:
            next_attempt = await queue.next_attempt(leave_out)
            self._put_off = next_attempt is not None
            if next_attempt is not None:
                self._due = max(0.0, min(next_attempt, self._due or next_attempt))
        return settled

    async def _policy_for(self, queue: Queue, requests: Sequence[QueuedRequest]) -> Policy:
        """The policy, loaded anew where the requests were read under another version."""
        if self._policy is None or self._policy.version != requests[0].policy_version:
            self._policy = await queue.policy()
            self._log.info("policy.loaded", version=self._policy.version)
        return self._policy

    def _decide(self, request: QueuedRequest, policy: Policy) -> Outcome | None:
        """The outcome that a request should have; None where deciding failed, which the log then tells."""
        try:
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
        except Exception:  # noqa: BLE001 - whatever it is, it must not keep other requests waiting
            # A defect of schemad's. It stays in the queue, and the others don't wait for it.
            self._log.exception("request.undecided", request_id=request.id, table=request.schema_name)
            return None
        if request.facts.is_locked:
            # What is to be done depends on what is in it: put off, as if the DDL had run into the lock.
            return Outcome(request, decision, LOCK_NOT_AVAILABLE, f"{request.schema_name} is locked by somebody")
        return Outcome(request, decision)

    async def _apply(
        self, queue: Queue, policy_version: int, batch: Sequence[Outcome]
    ) -> list[tuple[Outcome, Applied]]:
        """Applies a batch; one by one where it breaks off as a whole, so that the culprit fails alone."""
        try:
            results = await queue.apply(policy_version, batch)
        except asyncpg.PostgresError as error:
            if isinstance(error, LINK_ERRORS) and not isinstance(error, asyncpg.QueryCanceledError):
                raise
            if len(batch) > 1:
                return [r for outcome in batch for r in await self._apply(queue, policy_version, [outcome])]
            if batch[0].error_code is not None:
                # Not even its record can be written. It stays in the queue, and the others don't wait for it.
                unrecorded = Applied(batch[0].request.id, Result.UNRECORDED, error.sqlstate, str(error))
                return [(batch[0], unrecorded)]
            broken = replace(batch[0], error_code=error.sqlstate, error_message=str(error))
            return await self._apply(queue, policy_version, [broken])
        by_id = {outcome.request.id: outcome for outcome in batch}
        return [(by_id[applied.request_id], applied) for applied in results]

    def _tell(self, outcome: Outcome, applied: Applied) -> None:
        """One line for each decision."""
        request = outcome.request
        log = self._log.bind(request_id=request.id, table=request.schema_name, requester=request.requester_user_id)
        findings = [f.rule.id for f in outcome.decision.findings]
        match applied.result:
            case Result.APPLIED:
                plan = outcome.decision.plan
                operation = plan.operation.value if plan else None
                decided_by = request.decided_by or POLICY_DECIDER
                log.info("request.applied", operation=operation, decided_by=decided_by, findings=findings)
            case Result.HELD:
                log.info("request.held", findings=findings)
            case Result.FAILED:
                log.warning("request.failed", sqlstate=applied.error_code, error=applied.error_message)
            case Result.UNRECORDED:
                log.error("request.unrecorded", sqlstate=applied.error_code, error=applied.error_message)
            case Result.RETRY:
                log.info("request.put_off", sqlstate=applied.error_code, error=applied.error_message)
            case Result.STALE | Result.TAKEN:
                log.debug("request.left", why=applied.result.value)


def _one_a_table(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """The outcomes, without those that change a table which an earlier one changes.

    These stay in the queue, to be planned anew on what the earlier one leaves.
    """
    seen: set[str] = set()
    batch = []
    for outcome in outcomes:
        table = outcome.changes_table
        if table in seen:
            continue
        if table is not None:
            seen.add(table)
        batch.append(outcome)
    return batch
