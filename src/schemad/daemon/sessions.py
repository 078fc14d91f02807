"""The worker's sessions: one to read on and one for each applier, opened together and ended together."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Self

from schemad.daemon.doubt import Doubt
from schemad.settings import Settings
from schemad.store import Connection, connect
from schemad.store.connect import LINK_ERRORS
from schemad.store.sql_files import query

# Reading is quick: so a server is noticed that stands still, with the timeout of a probe on top within 15 seconds.
# Batches that take longer are made smaller.
READ_TIMEOUT = 9.0
# Part of the probe interval after which a link is doubted over which a look at the queue goes unanswered: it may
# have died right after it was last proven, and is to be noticed within an interval and a timeout all the same.
READ_DOUBTED_AFTER = 0.25
# For the server to take a cancellation; a link that is slower is given up.
CANCEL_TIMEOUT = 1.0


class Sessions:
    """Sessions of one life of the worker: a link that fails ends all of them.

    Attributes:
        reading: For looking at the queue, and whatever is quick.
        applying: One for each applier.
    """

    def __init__(
        self, connections: Sequence[Connection], settings: Settings, on_end: Callable[[object], None]
    ) -> None:
        self.reading, *self.applying = connections
        self._all = connections
        self._settings = settings
        self._on_end = on_end
        for connection in connections:
            # Nobody else would tell before the next request.
            connection.add_termination_listener(on_end)

    @classmethod
    async def open(cls, settings: Settings, on_end: Callable[[object], None]) -> Self:
        """Opens them, all or none.

        Args:
            settings: Where, how many, and with which limits.
            on_end: Called with each that the server ends.

        Raises:
            OSError, asyncpg.PostgresError, NotAServer: As for connect().
        """
        limits = [
            ("worker", min(settings.statement_timeout, READ_TIMEOUT)),
            *([("applier", settings.statement_timeout)] * settings.appliers),
        ]
        opening = [
            asyncio.ensure_future(
                connect(
                    settings.dsn,
                    job=job,
                    timeout=settings.connect_timeout,
                    lock_timeout=settings.lock_timeout,
                    statement_timeout=limit,
                    answer_timeout=limit + settings.probe_timeout,
                    pinned=True,
                    writable=True,
                )
            )
            for job, limit in limits
        ]
        try:
            return cls(await asyncio.gather(*opening), settings, on_end)
        except BaseException:
            for opened in await asyncio.gather(*opening, return_exceptions=True):
                if not isinstance(opened, BaseException):
                    opened.terminate()
            raise

    async def doubts(self) -> list[Doubt]:
        """A doubt for each of them, that of the one for reading first."""
        parts = [READ_DOUBTED_AFTER, *(1.0 for _ in self.applying)]
        return [
            Doubt(connection, await connection.fetchval(query("backend_pid")), self._settings, part)
            for connection, part in zip(self._all, parts, strict=True)
        ]

    def require_open(self) -> None:
        """Raises ConnectionError where the server has ended one."""
        if any(connection.is_closed() for connection in self._all):
            raise ConnectionError("the server closed a session")

    async def cancel(self) -> None:
        """Has the server cancel what is in hand: it would go on there, with its locks."""
        await asyncio.gather(*(_close(connection) for connection in self._all))

    def end(self) -> None:
        """Ends them, without a word to a server that may never answer."""
        for connection in self._all:
            connection.remove_termination_listener(self._on_end)
            connection.terminate()


async def _close(connection: Connection) -> None:
    # close() cancels the statement in hand first.
    with contextlib.suppress(*LINK_ERRORS):
        await asyncio.wait_for(connection.close(), CANCEL_TIMEOUT)
