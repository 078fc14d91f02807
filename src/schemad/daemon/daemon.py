"""The daemon: a listener, a worker and a pruner side by side, from the first sweep to an orderly stop."""

import asyncio
import gc
import signal
import time
from collections.abc import Awaitable, Callable

from schemad import __version__
from schemad.daemon.backoff import Link, keep_connected
from schemad.daemon.database_check import check_database
from schemad.daemon.endpoint import Endpoint
from schemad.daemon.listener import Listener
from schemad.daemon.pruner import Pruner
from schemad.daemon.reload import Reload
from schemad.daemon.service_manager import ServiceManager
from schemad.daemon.supervisor import supervise
from schemad.daemon.watchdog import Watchdog
from schemad.daemon.worker import Worker
from schemad.observe.health import Vitals
from schemad.observe.logs import logger
from schemad.observe.telemetry import Telemetry
from schemad.observe.tracing import SEND_WITHIN, Tracing, TracingUnavailable
from schemad.settings import Settings

# For parts that were told to end at once: they have sessions to close, and statements to cancel.
END_DEADLINE = 5.0


class Daemon:
    """One daemon on one database; any number of them may share a queue.

    Args:
        settings: What the environment says. They are the daemon's own: a reload changes them in place.
        on_ready: Called once the queue was drained for the first time, and it is known whether notifications come
            through, where it listens.
        load_settings: Reads the settings anew, for SIGHUP. None: SIGHUP is left alone.
        manager: A service manager that is told what it does; None: there is none.
    """

    def __init__(
        self,
        settings: Settings,
        on_ready: Callable[[], None] = lambda: None,
        load_settings: Callable[[], Settings] | None = None,
        manager: ServiceManager | None = None,
    ) -> None:
        self._settings = settings
        self._on_ready = on_ready
        self._log = logger()
        self._wakeup = asyncio.Event()
        self._stopping = asyncio.Event()
        self._at_once = asyncio.Event()
        watch_announced = asyncio.Event()
        self.telemetry = telemetry = Telemetry()
        self.listener = Listener(settings, self._wakeup, watch_announced, self._log, telemetry)
        self.worker = Worker(
            settings,
            self._wakeup,
            watch_announced,
            self._stopping,
            self._log,
            telemetry,
            self.listener.listening.is_set,
            lambda: self.listener.probe_channel,
        )
        self.pruner = Pruner(settings, lambda: self.worker.busy, self._stopping, self._log, telemetry)
        self._tracing = Tracing(telemetry)
        self.endpoint = Endpoint(settings, telemetry, self.vitals, self._log)
        self._reload = (
            Reload(settings, load_settings, check_database, self._follow, self._log, self._reloaded)
            if load_settings
            else None
        )
        self._manager = manager or ServiceManager({}, self._log)
        self._watchdog = Watchdog(self._manager, settings, self.listener, self.worker, self._stopping, self._log)
        self._is_ready = False

    async def run(self, *, handle_signals: bool = True) -> None:
        """Runs until stopped; SIGTERM and SIGINT stop it and SIGHUP reloads it where `handle_signals` says so.

        Raises:
            SchemaMismatch: The schema in the database is not this version's.
            AnotherDatabase: The listener's is not the one in which requests are made.
            NotAServer: Something stands between that keeps a session from having its settings.
            OSError, asyncpg.PostgresError: The database can't be reached at the start. Later on, and under a
                service manager always, it is waited for.
            GaveUp: A part of it kept failing.
            AddressUnavailable: Its pages can't be served where they are to be.
            TracingUnavailable: Spans are wanted, and what makes them is not installed.
        """
        # Before anything is waited for: the first process of a container does not even end by a signal unheard.
        if handle_signals:
            self._handle_signals()
        self._tracing.follow(wanted=self._settings.tracing)
        await self.endpoint.start()
        try:
            if await self._reach_database():
                await self._run()
            else:
                self._log.info("daemon.stopped")
        finally:
            await self.endpoint.stop()
            if not await self._tracing.end():
                self._log.warning("tracing.unsent", limit=SEND_WITHIN)

    async def _run(self) -> None:
        # What is in memory by now stays there: the collector need not go through it at each of its rounds.
        gc.freeze()
        self._log.info("daemon.started", version=__version__)
        working = self._supervised("worker", self.worker.run)
        parts = {
            working,
            self._supervised("pruner", self.pruner.run),
            self._supervised("listener", self.listener.run),
            asyncio.create_task(self._stopping.wait(), name="stopping"),
        }
        if self._reload is not None:
            parts.add(self._supervised("reload", self._reload.run))
        if self._manager.is_there:
            parts.add(self._supervised("watchdog", self._watchdog.run))
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
            _, left = await asyncio.wait({*parts, telling}, timeout=END_DEADLINE)
            for task in left:
                self._log.warning("daemon.part_left", part=task.get_name(), limit=END_DEADLINE)
            self._log.info("daemon.stopped")

    def stop(self, reason: str = "asked to") -> None:
        """Asks it to finish the batch in hand and stop. Asked a second time, it stops at once."""
        if not self._stopping.is_set():
            self._log.info("daemon.stopping", reason=reason, deadline=self._settings.drain_deadline)
            self._end()
            self._manager.stopping(self._settings.drain_deadline + 2 * END_DEADLINE)
            self._manager.status(self._watchdog.status())
        elif not self._at_once.is_set():
            self._log.warning("daemon.stopping_at_once", reason=reason)
            self._at_once.set()

    def vitals(self) -> Vitals:
        """What the parts say of themselves now."""
        settings, now = self._settings, time.monotonic()
        proof, answer = self.listener.last_proof, max(self.worker.last_success or 0.0, self.telemetry.moved_at)
        return Vitals(
            listener=self.listener.state,
            proven_seconds=None if proof is None else now - proof,
            proof_limit=settings.probe_interval + settings.connect_timeout + 2 * settings.probe_timeout,
            worker=self.worker.state,
            silent_seconds=now - answer,
            silence_limit=settings.probe_interval + settings.statement_timeout + 2 * settings.probe_timeout,
            is_drained=self.worker.drained.is_set(),
            is_stopping=self._stopping.is_set(),
        )

    def reload(self) -> None:
        """Has it read its settings anew."""
        if self._reload is not None:
            if self._is_ready:
                self._manager.reloading()
            self._reload.ask()

    def _reloaded(self) -> None:
        if self._is_ready:
            self._manager.ready()

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop, signal.Signals(number).name)
        if self._reload is not None:
            loop.add_signal_handler(signal.SIGHUP, self.reload)

    def _supervised(self, part: str, run: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        return asyncio.create_task(supervise(run, part=part, log=self._log), name=part)

    def _follow(self, changed: set[str]) -> None:
        """Has the parts follow settings of these names, which have changed."""
        if changed & Listener.OF_SESSION:
            self.listener.reconfigure()
        if changed & Worker.OF_SESSION:
            self.worker.reconfigure()
        if changed & Endpoint.OF_ADDRESS or not self.endpoint.is_as_set:
            self.endpoint.reconfigure()
        try:
            self._tracing.follow(wanted=self._settings.tracing)
        except TracingUnavailable as error:
            # The daemon works, without spans.
            self._log.error("tracing.unavailable", error=str(error))
        self._wakeup.set()  # whatever it waits for, it may be sooner now

    def _end(self) -> None:
        self._stopping.set()
        self._wakeup.set()  # the worker waits for nothing else

    async def _reach_database(self) -> bool:
        """Waits for the check of the database, or for being told to stop; whether it is to go on."""
        checking = asyncio.create_task(self._check_database(), name="start-up check")
        stopping = asyncio.create_task(self._stopping.wait(), name="stopping")
        try:
            await asyncio.wait({checking, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not self._stopping.is_set():
                await checking
            return not self._stopping.is_set()
        finally:
            for task in (checking, stopping):
                task.cancel()
            await asyncio.wait({checking, stopping}, timeout=END_DEADLINE)
            # Where it is told to stop, what the check failed by is of no matter.
            if checking.done() and not checking.cancelled():
                checking.exception()

    async def _check_database(self) -> None:
        """Fails fast on what waiting would not mend.

        A service manager starts it when the machine starts, perhaps before the database's: it is waited for, as
        to start a process again and again costs more than to try again within one.
        """
        if not self._manager.is_there:
            await check_database(self._settings)
            return

        async def check(link: Link) -> None:
            await check_database(self._settings)
            link.works()

        def away(error: BaseException) -> None:
            self.worker.pulse.lost(error)
            self._manager.status(self._watchdog.status())

        await keep_connected(check, part="database", log=self._log, telemetry=self.telemetry, on_loss=away)

    async def _tell_ready(self) -> None:
        await self.listener.settled.wait()
        await self.worker.drained.wait()
        self._log.info("daemon.ready", listener=self.listener.state.value)
        self._is_ready = True
        self._manager.status(self._watchdog.status())
        self._manager.ready()
        self._on_ready()

    async def _finish(self, working: asyncio.Task[None]) -> None:
        """Gives the batch in hand until the deadline; what is cut off then is rolled back by the server."""
        if not self.worker.busy:
            return  # it waits, perhaps for a server that is gone: there is nothing to finish
        at_once = asyncio.create_task(self._at_once.wait(), name="at once")
        try:
            done, _ = await asyncio.wait(
                {working, at_once},
                timeout=self._settings.drain_deadline,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            at_once.cancel()
        if not done:
            self._log.warning("daemon.deadline_passed", deadline=self._settings.drain_deadline)
