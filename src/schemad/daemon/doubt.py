"""Doubt: ends a link over which an answer does not come, though the server has nothing in hand for it.

A batch may take as long as `statement_timeout` lets it, and a link may be dead without either end being told: the
two look alike from here. So the server is asked over another link, once a batch takes longer than a
`probe_interval`, or a look at the queue longer than a part of that. It can't tell a backend that stands still
in the middle of a statement: that is left to the timeout of the answer.
"""

import asyncio
import contextlib
from collections.abc import Iterator

import asyncpg

from schemad.settings import Settings
from schemad.store import Connection, connect
from schemad.store.connect import LINK_ERRORS, NotAServer
from schemad.store.sql_files import query

# Seconds between the two times that the server has to say so: the answer may be on its way.
GRACE = 1.0


class Doubt:
    """Doubts one connection.

    Args:
        connection: Over which answers are awaited.
        pid: Its backend, as the server knows it.
        settings: Where to ask, and when.
        part: The part of the probe interval after which it asks.
    """

    def __init__(self, connection: Connection, pid: int, settings: Settings, part: float = 1.0) -> None:
        self._connection = connection
        self._pid = pid
        self._settings = settings
        self._part = part
        self._asking: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def awaiting(self) -> Iterator[None]:
        """For the time in which an answer is awaited. Where it can't come any more, the connection ends."""
        # A timer, and no task: an answer is there in milliseconds nearly always.
        after = self._part * self._settings.probe_interval
        timer = asyncio.get_running_loop().call_later(after, self._begin)
        try:
            yield
        finally:
            timer.cancel()
            if self._asking is not None:
                self._asking.cancel()
                self._asking = None

    def _begin(self) -> None:
        self._asking = asyncio.create_task(self._ask(), name="doubt")

    async def _ask(self) -> None:
        while await self._is_at_work():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(self._settings.probe_interval)
        self._connection.terminate()

    async def _is_at_work(self) -> bool:
        """Whether the server still has something in hand for it, or can't be asked."""
        for pause in (GRACE, 0.0):
            try:
                if await self._backend_is_active():
                    return True
            except (asyncpg.PostgresError, NotAServer, *LINK_ERRORS):
                # Be it that the login may not connect any more. The other parts notice that, and statement_timeout
                # ends it anyway.
                return True
            await asyncio.sleep(pause)
        return False

    async def _backend_is_active(self) -> bool:
        connection = await connect(
            self._settings.dsn,
            job="doubt",
            timeout=self._settings.probe_timeout,
            answer_timeout=self._settings.probe_timeout,
            pinned=True,
            writable=True,  # a standby knows nothing of the primary's backends
        )
        try:
            return await connection.fetchval(query("is_at_work"), self._pid) is True
        finally:
            connection.terminate()
