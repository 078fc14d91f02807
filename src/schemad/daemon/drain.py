"""A drain: batch after batch until nothing is due. The next one is read and decided on while one is applied."""

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from schemad.daemon.applier import Applier, Settled
from schemad.daemon.intake import Batch, Intake
from schemad.daemon.journal import Journal
from schemad.daemon.watch import Watch
from schemad.request.names import fold
from schemad.store import QueuedRequest, Result
from schemad.store.connect import LINK_LOST

# Rounds in which a request may be found changed underneath before it is left to the next drain.
STALE_ROUNDS = 5
# Seconds after which a drain begins no further batch: the next drain looks at everything anew.
LONGEST = 5.0
# Seconds in which batches in hand may still be answered once one of them ended with an error.
GRACE = 1.0
# Seconds for which no further wake-up is followed after one that led to nothing.
DEAF = 0.05
SETTLED = (Result.APPLIED, Result.HELD, Result.FAILED)


class Drain:
    """Works off what is due, once.

    Args:
        intake: Reads and decides.
        appliers: Apply, side by side; at least one.
        watch: Kept while there is more than a batch.
        wakeup: Set by whoever knows that there may be more to do.
        stopping: Once set, the batches in hand are the last ones.
        journal: Where each decision is told.

    Attributes:
        settled: How many requests it has decided.
        has_put_off: Whether it put one off.
        is_cut_short: Whether it ended for its length: there may be more.
        cut_off: Requests whose attempt ended with the link: what became of them is not known.
    """

    def __init__(
        self,
        intake: Intake,
        appliers: Sequence[Applier],
        watch: Watch,
        wakeup: asyncio.Event,
        stopping: asyncio.Event,
        journal: Journal,
    ) -> None:
        self._intake = intake
        self._idle = list(appliers)
        self._watch = watch
        self._settled_on_watch = 0
        self._wakeup = wakeup
        self._stopping = stopping
        self._journal = journal
        self._running: dict[asyncio.Task[None], tuple[Applier, Batch]] = {}
        self._stale: Counter[int] = Counter()
        # Most likely somebody has them locked: further requests for them would run into the same lock.
        self._put_off_tables: set[str] = set()
        self._may_have_more = True
        self._is_behind = False
        self._deaf_until = 0.0
        self._left_out: set[int] = set()
        # Roles and tables of those among them that others have to wait for.
        self._awaited: set[tuple[str, str]] = set()
        self.settled = 0
        self.has_put_off = False
        self.is_cut_short = False
        self.cut_off: list[QueuedRequest] = []

    @property
    def has_left(self) -> bool:
        """Whether it left some that nobody will wake for."""
        return bool(self._left_out or self._put_off_tables)

    async def run(self) -> None:
        """Takes batches until nothing is left that is due.

        Raises:
            OSError, asyncpg.PostgresError: One of LINK_ERRORS. Batches in hand are cut off.
        """
        clock = asyncio.get_running_loop().time
        ends = clock() + LONGEST
        ahead: Batch | None = None
        try:
            while True:
                self.is_cut_short = self.is_cut_short or (self._may_have_more and clock() > ends)
                is_ending = self.is_cut_short or self._stopping.is_set()
                if is_ending:
                    ahead = None  # nothing of it is claimed
                if ahead is None and self._may_have_more and not is_ending:
                    ahead = await self._read()
                if ahead is not None and self._idle:
                    self._start(ahead)
                    ahead = None
                elif self._running:
                    await self._wait(heed_wakeup=bool(self._idle) and not is_ending)
                elif not self._may_have_more or is_ending:
                    return
        finally:
            await self._break_off()

    async def next_attempt(self) -> float | None:
        """Seconds until the next request is due that was put off, and not left by this; None: there is none."""
        return await self._intake.next_attempt(self._left_out)

    async def _wait(self, *, heed_wakeup: bool) -> None:
        """Waits until a batch is done, or, while an applier has nothing to do, for a wake-up."""
        deaf = self._deaf_until - asyncio.get_running_loop().time()
        waits: set[asyncio.Task[Any]] = set(self._running)
        woken = asyncio.create_task(self._wakeup.wait()) if heed_wakeup and deaf <= 0 else None
        if woken is not None:
            waits.add(woken)
        try:
            done, _ = await asyncio.wait(
                waits, timeout=deaf if heed_wakeup and deaf > 0 else None, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            if woken is not None:
                woken.cancel()
        for task in self._running.keys() & done:
            self._finish(task)
        if woken in done:
            self._wakeup.clear()
            self._may_have_more = True

    async def _break_off(self) -> None:
        """Ends what still runs, where an error or a cancellation ended the drain."""
        if not self._running:
            return
        task = asyncio.current_task()
        try:
            if task is not None and not task.cancelling():
                # One failed. The others may be answered any moment, and what became of them be told.
                await asyncio.wait(self._running, timeout=GRACE)
        finally:
            for running in self._running:
                running.cancel()
            ends = await asyncio.gather(*self._running, return_exceptions=True)
        for (applier, _), end in zip(self._running.values(), ends, strict=True):
            self._settle(applier.take_settled())
            if isinstance(end, LINK_LOST):
                # It may be what ended the link. What was cancelled here is not.
                self.cut_off += [decided.request for decided in applier.trying]

    async def _read(self) -> Batch | None:
        in_hand = [d.request.id for _, batch in self._running.values() for d in batch.decided]
        busy = self._put_off_tables.union(*(batch.tables for _, batch in self._running.values()))
        batch = await self._intake.read([*self._left_out, *in_hand], busy, self._awaited)
        self._may_have_more = batch is not None and batch.is_full
        # There may be more for the tables in hand, which were left out.
        self._is_behind = self._is_behind or (bool(self._running) and not self._may_have_more)
        if batch is None:
            self._deaf_until = asyncio.get_running_loop().time() + DEAF
        else:
            self._left_out.update(batch.undecided)
            # Later requests for the table of one that was put off are left out of what is read with it.
            was_put_off = bool(batch.undecided) or any(decided.request.was_put_off for decided in batch.decided)
            self._is_behind = self._is_behind or batch.left_others or bool(batch.waiting) or was_put_off
            # More is waiting. But not where nothing moves: it would go round and round.
            if batch.is_full and self.settled > self._settled_on_watch:
                self._settled_on_watch = self.settled
                await self._watch.keep()
        return batch

    def _start(self, batch: Batch) -> None:
        if batch.decided:
            applier = self._idle.pop()
            task = asyncio.create_task(applier.apply(batch.policy_version, batch.decided), name="apply")
            self._running[task] = applier, batch
        elif self._running:
            # All of them wait for what is in hand.
            self._may_have_more = False
        else:
            # Another daemon has what they wait for.
            self._count_round(batch.waiting)
            self._may_have_more = True

    def _finish(self, task: asyncio.Task[None]) -> None:
        task.result()  # an error leaves it among those that run, for _break_off()
        applier, _ = self._running.pop(task)
        self._idle.append(applier)
        self._settle(applier.take_settled())

    def _settle(self, results: Settled) -> None:
        for decided, outcome in results:
            self._journal.settled(decided, outcome)
        by_result = {r: [decided.request for decided, outcome in results if outcome.result is r] for r in Result}
        self.settled += sum(len(by_result[r]) for r in SETTLED)
        self._left_out.update(request.id for request in by_result[Result.UNRECORDED])
        self._leave(by_result[Result.TAKEN])
        self._count_round(by_result[Result.STALE])
        if by_result[Result.RETRY]:
            self.has_put_off = True
            self._put_off_tables.update(fold(request.schema_name) for request in by_result[Result.RETRY])
        if self._is_behind or by_result[Result.STALE]:
            self._may_have_more = True
            self._is_behind = False

    def _count_round(self, requests: Collection[QueuedRequest]) -> None:
        self._stale.update(request.id for request in requests)
        self._leave([request for request in requests if self._stale[request.id] >= STALE_ROUNDS])

    def _leave(self, requests: Collection[QueuedRequest]) -> None:
        """Leaves requests to the next drain, and with each what its role asked of that table later."""
        self._left_out.update(request.id for request in requests)
        self._awaited.update((request.requested_by, fold(request.schema_name)) for request in requests)
