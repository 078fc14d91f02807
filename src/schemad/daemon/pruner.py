"""The pruner: removes old rows as the policy says, taking turns with other daemons.

It never holds up a request: it has a connection of its own, open only for its turn, waits
until the worker is idle, and removes a little at a time. Whatever the database says to that is told, and is no
reason to end the daemon.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable

import asyncpg

from schemad.observe.logs import Log
from schemad.observe.telemetry import Telemetry
from schemad.settings import Settings
from schemad.store import connect
from schemad.store.connect import LINK_ERRORS, in_few_words
from schemad.store.pruning import prune, take_turn

# Rows at a time, which take a few milliseconds.
BATCH = 200
# Seconds between two batches. 1.4 million rows an hour, and few enough dead ones for autovacuum to keep up with.
PAUSE = 0.5
# Seconds after its start in which a daemon has better things to do; one that keeps failing asks for no turn.
SETTLING = 300.0


class Pruner:
    """Prunes whenever it is this daemon's turn.

    Args:
        settings: Where, and how often.
        is_busy: Whether the worker may have a batch in hand.
        stopping: Once set, the batch in hand is the last one.
        log: Where it is told what was removed.
        telemetry: Where it is counted.
    """

    def __init__(
        self,
        settings: Settings,
        is_busy: Callable[[], bool],
        stopping: asyncio.Event,
        log: Log,
        telemetry: Telemetry,
    ) -> None:
        self._settings = settings
        self._is_busy = is_busy
        self._stopping = stopping
        self._log = log
        self._telemetry = telemetry

    async def run(self) -> None:
        """Prunes, turn by turn, until `stopping` is set."""
        wait = min(SETTLING, self._settings.prune_interval)
        # Jittered, so that daemons that were started together don't look at the same moment.
        while not await self._stopped_within(wait * random.uniform(1.0, 1.1)):  # noqa: S311 - spreads load
            try:
                wait = await self.take_turn()
            except (asyncpg.PostgresError, *LINK_ERRORS) as error:
                self._log.warning("queue.unpruned", error=in_few_words(error))
                wait = self._settings.prune_interval

    async def take_turn(self) -> float:
        """Prunes if it is this daemon's turn; seconds until the next one.

        Raises:
            asyncpg.PostgresError, OSError, TimeoutError: The database did not let it, or can't be reached.
        """
        connection = await connect(
            self._settings.dsn,
            job="pruner",
            timeout=self._settings.connect_timeout,
            lock_timeout=self._settings.lock_timeout,
            statement_timeout=self._settings.statement_timeout,
            answer_timeout=self._settings.statement_timeout + self._settings.probe_timeout,
            pinned=True,
            writable=True,
        )
        removed: Counter[str] = Counter()
        try:
            wait = await take_turn(connection, self._settings.prune_interval)
            if wait > 0:
                return wait
            while not await self._stopped_before_idle():
                batch = await prune(connection, BATCH)
                removed.update(batch)
                if sum(batch.values()) < BATCH or await self._stopped_within(PAUSE):
                    break
            return self._settings.prune_interval
        finally:
            connection.terminate()
            if removed.total():
                self._log.info("queue.pruned", **removed)
                self._telemetry.pruned.update(removed)

    async def _stopped_before_idle(self) -> bool:
        """Waits until the worker is idle; whether the daemon was stopped before that."""
        while self._is_busy() and not self._stopping.is_set():
            await self._stopped_within(PAUSE)
        return self._stopping.is_set()

    async def _stopped_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        return self._stopping.is_set()
