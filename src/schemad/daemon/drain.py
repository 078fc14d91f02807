"""A drain: batch after batch until nothing is due. The next one is read and decided on while one is applied."""

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence

from structlog.typing import FilteringBoundLogger

from schemad.daemon.applier import Applier, Settled
from schemad.daemon.intake import Batch, Intake
from schemad.daemon.watch import Watch
from schemad.request.names import fold
from schemad.store import Applied, Outcome, QueuedRequest, Result
from schemad.store.connect import LINK_ERRORS
from schemad.store.outcomes import POLICY_DECIDER

# Rounds in which a request may be found changed underneath before it is left to the next drain.
STALE_ROUNDS = 5
SETTLED = (Result.APPLIED, Result.HELD, Result.FAILED)


class Drain:
    """Works off what is due, once.

    Args:
        intake: Reads and decides.
        appliers: Apply, side by side; at least one.
        watch: Kept while there is more than a batch.
        stopping: Once set, the batches in hand are the last ones.
        log: Where each decision is told.

    Attributes:
        settled: How many requests it has decided.
        has_put_off: Whether it put one off.
        has_left: Whether it left some that nobody will wake for.
        cut_off: Requests whose attempt ended with the link: what became of them is not known.
    """

    def __init__(
        self,
        intake: Intake,
        appliers: Sequence[Applier],
        watch: Watch,
        stopping: asyncio.Event,
        log: FilteringBoundLogger,
    ) -> None:
        self._intake = intake
        self._idle = list(appliers)
        self._watch = watch
        self._settled_on_watch = 0
        self._stopping = stopping
        self._log = log
        self._running: dict[asyncio.Task[Settled], tuple[Applier, Batch]] = {}
        self._stale: Counter[int] = Counter()
        # Their table is locked by somebody: further requests for it would run into the same lock.
        self._locked_tables: set[str] = set()
        self._may_have_more = True
        self._is_behind = False
        self.left_out: set[int] = set()
        self.settled = 0
        self.has_put_off = False
        self.cut_off: list[QueuedRequest] = []

    @property
    def has_left(self) -> bool:
        """Whether it left some that nobody will wake for."""
        return bool(self.left_out or self._locked_tables)

    async def run(self) -> None:
        """Takes batches until nothing is left that is due.

        Raises:
            OSError, asyncpg.PostgresError: One of LINK_ERRORS. Batches in hand are cut off.
        """
        ahead: Batch | None = None
        try:
            while True:
                if ahead is None and self._may_have_more and not self._stopping.is_set():
                    ahead = await self._read()
                if ahead is not None and self._idle:
                    self._start(ahead)
                    ahead = None
                elif self._running:
                    done, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        self._finish(task)
                elif not self._may_have_more or self._stopping.is_set():
                    return
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _read(self) -> Batch | None:
        in_hand = [o.request.id for _, batch in self._running.values() for o in batch.outcomes]
        busy = self._locked_tables.union(*(batch.tables for _, batch in self._running.values()))
        batch = await self._intake.read([*self.left_out, *in_hand], busy)
        self._may_have_more = batch is not None and batch.is_full
        if batch is not None:
            self.left_out.update(batch.undecided)
            self._is_behind = self._is_behind or batch.left_others or bool(batch.waiting)
            # More is waiting. But not where nothing moves: it would go round and round.
            if batch.is_full and self.settled > self._settled_on_watch:
                self._settled_on_watch = self.settled
                await self._watch.keep()
        return batch

    def _start(self, batch: Batch) -> None:
        if batch.outcomes:
            applier = self._idle.pop()
            task = asyncio.create_task(applier.apply(batch.policy_version, batch.outcomes), name="apply")
            self._running[task] = applier, batch
        elif self._running:
            # All of them wait for what is in hand.
            self._may_have_more = False
        else:
            # Another daemon has what they wait for.
            self._count_stale(batch.waiting)
            self._may_have_more = True

    def _finish(self, task: asyncio.Task[Settled]) -> None:
        applier, batch = self._running.pop(task)
        try:
            results = task.result()
        except LINK_ERRORS:
            self.cut_off += [outcome.request for outcome in batch.outcomes]
            raise
        self._idle.append(applier)
        for outcome, applied in results:
            self._tell(outcome, applied)
        by_result = {r: [a.request_id for _, a in results if a.result is r] for r in Result}
        self.settled += sum(len(by_result[r]) for r in SETTLED)
        self.left_out.update(by_result[Result.TAKEN], by_result[Result.UNRECORDED])
        self._count_stale(by_result[Result.STALE])
        if by_result[Result.RETRY]:
            self.has_put_off = True
            self._locked_tables.update(fold(o.request.schema_name) for o, a in results if a.result is Result.RETRY)
        if self._is_behind or by_result[Result.STALE]:
            self._may_have_more = True
            self._is_behind = False

    def _count_stale(self, ids: Collection[int]) -> None:
        self._stale.update(ids)
        self.left_out.update(i for i in ids if self._stale[i] >= STALE_ROUNDS)

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
