"""The daemon: a listener, a worker and a pruner side by side, from the first sweep to an orderly stop."""

import asyncio
import contextlib
import gc
import signal
from collections.abc import Callable

import structlog

from schemad import __version__
from schemad.daemon.listener import Listener
from schemad.daemon.pruner import Pruner
from schemad.daemon.worker import Worker
from schemad.settings import Settings
from schemad.store import connect
from schemad.store.migrate import require_current_schema


class Daemon:
    """One daemon on one database; any number of them may share a queue.

    Args:
        settings: What the environment says.
        on_ready: Called once notifications come through, where it listens, and the queue was drained for the first
            time.
    """

    def __init__(self, settings: Settings, on_ready: Callable[[], None] = lambda: None) -> None:
        self._settings = settings
        self._on_ready = on_ready
        self._log = structlog.get_logger("schemad")
        self._wakeup = asyncio.Event()
        self._stopping = asyncio.Event()
        watch_announced = asyncio.Event()
        self.listener = Listener(settings, self._wakeup, watch_announced, self._log)
        self.worker = Worker(settings, self._wakeup, watch_announced, self._stopping, self._log)
        self.pruner = Pruner(settings, lambda: self.worker.busy, self._stopping, self._log)

    async def run(self, *, handle_signals: bool = True) -> None:
        """Runs until stopped; SIGTERM and SIGINT stop it where `handle_signals` says so.

        Raises:
            SchemaMismatch: The schema in the database is not this version's.
            OSError, asyncpg.PostgresError: The database can't be reached at the start. Later on it is waited for.
        """
        await self._check_database()
        if handle_signals:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.stop, signal.Signals(number).name)
        # What is in memory by now stays there: the collector need not go through it at each of its rounds.
        gc.freeze()
        self._log.info("daemon.started", version=__version__)
        working = asyncio.create_task(self.worker.run(), name="worker")
        parts = {
            working,
            asyncio.create_task(self.pruner.run(), name="pruner"),
            asyncio.create_task(self._stopping.wait(), name="stopping"),
        }
        if self._settings.listen:
            parts.add(asyncio.create_task(self.listener.run(), name="listener"))
        else:
            self._log.info("listener.off", poll_interval=self._settings.poll_interval)
        telling = asyncio.create_task(self._tell_ready(), name="ready")
        # Whoever is to be told that it is ready may fail at that, which is no reason to go on untold.
        telling.add_done_callback(lambda t: None if t.cancelled() or not t.exception() else self._end())
        try:
            # Any part that ends by itself before it was asked to has failed, and takes the daemon with it.
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            self._end()
            await self._finish(working)
            for part in (*parts, telling):
                if part.done() and not part.cancelled() and (error := part.exception()):
                    raise error
        finally:
            for task in (*parts, telling):
                task.cancel()
            await asyncio.gather(*parts, telling, return_exceptions=True)
            self._log.info("daemon.stopped")

    def stop(self, reason: str = "asked to") -> None:
        """Asks it to finish the batch in hand and stop. A second call changes nothing."""
        if not self._stopping.is_set():
            self._log.info("daemon.stopping", reason=reason, deadline=self._settings.drain_deadline)
            self._end()

    def _end(self) -> None:
        self._stopping.set()
        self._wakeup.set()  # the worker waits for nothing else

    async def _check_database(self) -> None:
        """Fails fast, with what mends it, on what waiting would not mend."""
        connection = await connect(
            self._settings.dsn, job="start-up check", timeout=self._settings.connect_timeout, pinned=True
        )
        try:
            await require_current_schema(connection)
        finally:
            connection.terminate()
        if self._settings.listen and self._settings.listen_dsn is not None:
            listening = await connect(
                self._settings.listen_dsn, job="start-up check", timeout=self._settings.connect_timeout
            )
            listening.terminate()

    async def _tell_ready(self) -> None:
        if self._settings.listen:
            await self.listener.listening.wait()
        await self.worker.drained.wait()
        self._log.info("daemon.ready")
        self._on_ready()

    async def _finish(self, working: asyncio.Task[None]) -> None:
        """Gives the batch in hand until the deadline; what is cut off then is rolled back by the server."""
        if not self.worker.busy:
            return  # it waits, perhaps for a server that is gone: there is nothing to finish
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.drain_deadline):
                await asyncio.wait({working})
                return
        self._log.warning("daemon.deadline_passed", deadline=self._settings.drain_deadline)
