"""The listener: turns NOTIFY into a set event, and notices when notifications no longer come through.

It owns its connection and does nothing else on it: a transaction there would keep notifications back, and a
pool would UNLISTEN. Losing every notification costs latency, never a request, as the worker also polls.
"""

import asyncio
import contextlib
from collections.abc import Callable

import asyncpg
from structlog.typing import FilteringBoundLogger

from schemad.daemon.backoff import keep_connected
from schemad.settings import Settings
from schemad.store import Connection, connect
from schemad.store.sql_files import query

REQUESTS_CHANNEL = "schemad_requests"
WATCH_CHANNEL = "schemad_watch"


class Listener:
    """Sets `wakeup` whenever there may be something in the queue.

    Args:
        settings: Where to listen, and how often to probe.
        wakeup: Set at each notification and after each (re)connect.
        watch_announced: Set when a daemon began a watch, and after each (re)connect.
        log: Where changes of its state are told.
    """

    def __init__(
        self,
        settings: Settings,
        wakeup: asyncio.Event,
        watch_announced: asyncio.Event,
        log: FilteringBoundLogger,
    ) -> None:
        self._settings = settings
        self._wakeup = wakeup
        self._watch_announced = watch_announced
        self._log = log
        self.listening = asyncio.Event()

    async def run(self) -> None:
        """Listens until cancelled, connecting again whenever the link fails."""
        await keep_connected(self._serve, part="listener", log=self._log)

    async def _serve(self, works: Callable[[], None]) -> None:
        connection = await connect(
            self._settings.dsn_for_listening,
            job="listener",
            timeout=self._settings.connect_timeout,
        )
        ended = asyncio.Event()
        heard = asyncio.Event()

        # Sync callbacks that set an event: a burst coalesces, and nothing can fail within asyncpg.
        def on_request(*_: object) -> None:
            heard.set()
            self._wakeup.set()

        def on_watch(*_: object) -> None:
            self._watch_announced.set()
            on_request()

        def on_probe(*_: object) -> None:
            heard.set()

        try:
            connection.add_termination_listener(lambda _: ended.set())
            async with asyncio.timeout(self._settings.connect_timeout):
                await connection.execute(query("listener_session"))
                # Not the requests' channel: a probe is nobody else's wake-up.
                probe_channel = f"schemad_probe_{connection.get_server_pid()}"
                await connection.add_listener(REQUESTS_CHANNEL, on_request)
                await connection.add_listener(WATCH_CHANNEL, on_watch)
                await connection.add_listener(probe_channel, on_probe)
            await self._probe(connection, probe_channel, heard)
            works()
            self._log.info("listener.connected", channel=REQUESTS_CHANNEL)
            self.listening.set()
            # What was inserted before LISTEN took effect was told to nobody.
            self._watch_announced.set()
            self._wakeup.set()
            await self._watch(connection, probe_channel, heard, ended)
        finally:
            self.listening.clear()
            # terminate(), as a close() waits for a server that may never answer.
            connection.terminate()

    async def _watch(
        self, connection: Connection, channel: str, heard: asyncio.Event, ended: asyncio.Event
    ) -> None:
        """Returns never; raises OSError when the link is dead. Probes it whenever it has been silent."""
        while True:
            heard.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.probe_interval):
                    await ended.wait()
            if ended.is_set():
                raise ConnectionError("the server closed the listening session")
            if not heard.is_set():
                await self._probe(connection, channel, heard)

    async def _probe(self, connection: Connection, channel: str, heard: asyncio.Event) -> None:
        """A NOTIFY to this very session: a bare SELECT 1 would not prove the subscription."""
        heard.clear()
        async with asyncio.timeout(self._settings.probe_timeout):
            try:
                await connection.execute(query("probe"), channel)
            except asyncpg.ProgramLimitExceededError as error:
                # Somebody listens, and does not read: nobody in the server can notify until that session ends, and
                # until somebody has asked how full the queue is, which is when PostgreSQL looks.
                await connection.execute(query("notification_queue"))
                raise ConnectionError(f"no notification can be sent: {error}") from error
            try:
                await heard.wait()
            except asyncio.CancelledError:
                self._log.debug("listener.silent", channel=channel)
                raise
