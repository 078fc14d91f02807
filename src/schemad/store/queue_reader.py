"""The queue reader: asks the database for the state of the queue when somebody asks for it, and else nothing.

Its connection is opened by the first question and closed once nobody has asked for a while. Answers are kept for a
moment: however many ask, and however often, that is one query in that time.
"""

import asyncio
import time
from dataclasses import dataclass

import asyncpg

from schemad.settings import Settings
from schemad.store.connect import LINK_ERRORS, Connection, connect, in_few_words
from schemad.store.queue_state import QueueState, read_queue_state

# Seconds for which an answer is good.
FRESH = 2.0
# Seconds after which a connection is closed that nobody needs. Longer than the usual interval of scrapes.
UNUSED = 90.0


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer: the state of the queue, or why there is none."""

    state: QueueState | None
    error: str | None = None


class QueueReader:
    """Reads the state of the queue on demand.

    Args:
        settings: Where, and how long an answer may take.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()
        self._reading: Reading | None = None
        self._read_at = 0.0
        self._closing: asyncio.TimerHandle | None = None

    async def read(self) -> Reading:
        """The state of the queue, not older than a moment; it never raises for what the database does."""
        async with self._turn:
            if self._reading is None or time.monotonic() > self._read_at + FRESH:
                self._reading = await self._ask()
                self._read_at = time.monotonic()
            return self._reading

    def close(self) -> None:
        """Gives the connection back, as does silence."""
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _ask(self) -> Reading:
        was_open = self._connection is not None
        try:
            async with asyncio.timeout(self._settings.probe_timeout):
                try:
                    state = await self._query()
                except LINK_ERRORS:
                    if not was_open:
                        raise
                    # It may have been lost long ago, with nobody to notice.
                    self.close()
                    state = await self._query()
        except TimeoutError:
            self.close()
            return Reading(None, f"no answer within {self._settings.probe_timeout:g} s")
        except (asyncpg.PostgresError, *LINK_ERRORS) as error:
            self.close()
            return Reading(None, in_few_words(error))
        self._close_later()
        return Reading(state)

    async def _query(self) -> QueueState:
        if self._connection is None:
            self._connection = await connect(
                self._settings.dsn,
                job="monitor",
                timeout=self._settings.connect_timeout,
                statement_timeout=self._settings.probe_timeout,
                pinned=True,
                writable=True,  # a standby may be late, and has no daemons
            )
        return await read_queue_state(self._connection)

    def _close_later(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
        self._closing = asyncio.get_running_loop().call_later(UNUSED, self.close)
