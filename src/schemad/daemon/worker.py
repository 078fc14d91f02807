"""The worker: works the queue off, and waits for more.

States: connecting → draining (batches until nothing is due) → waiting (for a wake-up, the next attempt of a
request that was put off, or the poll interval) → draining. An error of a link ends both: it connects again.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from enum import StrEnum, auto

import asyncpg

from schemad.daemon.applier import Applier
from schemad.daemon.backoff import Link, keep_connected
from schemad.daemon.drain import Drain
from schemad.daemon.intake import Intake
from schemad.daemon.journal import Journal
from schemad.daemon.pace import Pace
from schemad.daemon.pulse import Pulse
from schemad.daemon.sessions import Sessions
from schemad.daemon.watch import Watch
from schemad.observe.health import WorkerState
from schemad.observe.logs import Log
from schemad.observe.telemetry import Telemetry
from schemad.settings import Settings
from schemad.store import Connection, Queue, QueuedRequest
from schemad.store.connect import require_session_settings
from schemad.store.migrate import require_current_schema
from schemad.store.sql_files import query

# Another daemon that has a request may die with it, and what kept one from being recorded may be mended: such
# are looked at again after so many seconds.
TAKEN_INTERVAL = 1.0
# A session's memory grows with each table that it made, about 0.4 MB for a thousand: after so many it is replaced,
# once nothing is left to do at that moment or a drain has ended for its length.
RECYCLE_AFTER = 20_000
# Part of the probe interval after which the session for reading is proven: before the listener probes by itself.
PROVEN_EACH = 0.9
CUT_OFF = "08006 the connection was lost while it was applied"


class Cause(StrEnum):
    """Why the queue is looked at."""

    WAKEUP = auto()
    DUE = auto()  # known beforehand: a further attempt, the rest of a backlog, the start
    WATCH = auto()  # one is over, or may be on
    POLL = auto()


class Worker:
    """Works the queue off.

    Args:
        settings: Where, how many at once, how often to poll.
        wakeup: Set by whoever knows that there may be something to do.
        watch_announced: Set by whoever learns of another daemon's watch, or may have missed one.
        stopping: Once set, the batches in hand are the last ones. Whoever sets it sets `wakeup` too.
        log: Where each decision is told.
        telemetry: Where it is counted.
        is_listening: Whether requests should be found by notifications, and not by polling.
        probe_channel: Where the listener hears a probe from another session; None: nowhere.

    Attributes:
        state: What it is at.
        pulse: Beats at each success, each answer while it is draining, and each attempt to connect that failed.
        decided: How many requests it has decided.
        last_success: When the queue was last looked at, or the sessions for that last answered while there was
            nothing to do, of time.monotonic(); None: never.
        sweeps: How often it has looked at the queue.
        drained: Set once the queue was worked off for the first time.
    """

    # Settings that its sessions were opened with.
    OF_SESSION = frozenset({"dsn", "appliers", "lock_timeout", "statement_timeout", "probe_timeout"})

    def __init__(
        self,
        settings: Settings,
        wakeup: asyncio.Event,
        watch_announced: asyncio.Event,
        stopping: asyncio.Event,
        log: Log,
        telemetry: Telemetry,
        is_listening: Callable[[], bool] = lambda: True,
        probe_channel: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._wakeup = wakeup
        self._watch_announced = watch_announced
        self._stopping = stopping
        self._log = log
        self._telemetry = telemetry
        # Requests whose attempt ended with the link, and is not counted yet.
        self._cut_off: list[QueuedRequest] = []
        # Seconds until something is due that nobody will wake for; None: the poll interval will do.
        self._due: float | None = None
        # Whether a request may wait for its next attempt; those of an earlier life of the daemon included.
        self._put_off = True
        # When the sessions are to be proven next, by the loop's clock.
        self._proof_due = 0.0
        self._is_cut_short = False
        self._pace = Pace()
        self._journal = Journal(log, telemetry)
        self._is_listening = is_listening
        self._probe_channel = probe_channel
        self._reconfigured = False
        self.state = WorkerState.CONNECTING
        self.pulse = Pulse()
        self.decided = 0
        self.last_success: float | None = None
        self.sweeps = 0
        self.drained = asyncio.Event()

    @property
    def busy(self) -> bool:
        """Whether it may have a batch in hand."""
        return self.state is WorkerState.DRAINING

    async def run(self) -> None:
        """Works until `stopping` is set, connecting again whenever the link fails."""
        while not self._stopping.is_set():
            await keep_connected(
                self._serve, part="worker", log=self._log, telemetry=self._telemetry, on_loss=self.pulse.lost
            )

    def _succeeded(self) -> None:
        self.last_success = time.monotonic()
        self.pulse.proven()

    def reconfigure(self) -> None:
        """Follows settings that have changed, on sessions of its own, once the batches in hand are done."""
        self._reconfigured = True
        self._wakeup.set()

    async def _serve(self, link: Link) -> None:
        self._reconfigured = False
        self._proof_due = 0.0
        sessions = await Sessions.open(self._settings, self._wake)
        try:
            self.pulse.beat()
            await self._work(link, sessions)
        except asyncio.CancelledError:
            await sessions.cancel()
            raise
        finally:
            self.state = WorkerState.CONNECTING
            sessions.end()

    async def _work(self, link: Link, sessions: Sessions) -> None:
        """Looks at the queue whenever there is reason to, until it is to end or to have new sessions."""
        reading = sessions.reading
        await require_session_settings(reading)
        await require_current_schema(reading)
        await self._count_cut_off(reading)
        doubt, *doubts = await sessions.doubts()
        intake = Intake(reading, doubt, self._settings, self._journal, self.pulse)
        appliers = [
            Applier(connection, doubt, self._journal, self.pulse)
            for connection, doubt in zip(sessions.applying, doubts, strict=True)
        ]
        watch = Watch(reading, self._watch_announced)
        cause, settled = Cause.DUE, 0
        while not self._is_ending and settled < RECYCLE_AFTER:
            # Cleared before the query: what arrives during it sets it again, and is not lost.
            self._wakeup.clear()
            sessions.require_open()
            drain = Drain(intake, appliers, watch, self._wakeup, self._stopping, self._journal)
            found = await self._sweep(drain, cause)
            await self._count_cut_off(reading)
            link.works(auto_create=self._settings.enable_auto_create)
            self.sweeps += 1
            self._succeeded()
            self.drained.set()
            if cause is Cause.POLL and found and await self._expects_notifications(reading):
                self._log.warning("queue.found_by_poll", requests=found)
                self._telemetry.found_by_poll += found
            settled += found
            # The wake-up of whoever stops it may have gone to the drain.
            if self._is_cut_short or self._stopping.is_set():
                cause = Cause.DUE
            elif settled < RECYCLE_AFTER and not self._is_ending:
                # The wake-up that came with the end may have been the drain's.
                cause = await self._sleep(watch, reading, found=found > 0)

    async def _sweep(self, drain: Drain, cause: Cause) -> int:
        """Works off what is due; how many requests were settled."""
        self.pulse.beat()
        self.state = WorkerState.DRAINING
        with self._telemetry.spans("drain", ()):
            await self._run(drain)
        self._telemetry.swept(cause.value)
        self.state = WorkerState.WAITING
        if drain.settled:
            self._pace.swept_in_earnest()
        elif cause in {Cause.WAKEUP, Cause.WATCH}:
            self._pace.swept_in_vain(asyncio.get_running_loop().time())
        return drain.settled

    @property
    def _is_ending(self) -> bool:
        return self._stopping.is_set() or self._reconfigured

    def _wake(self, *_: object) -> None:
        self._wakeup.set()

    async def _count_cut_off(self, connection: Connection) -> None:
        """Counts the attempts that ended with the link, so that none is made again and again for ever."""
        if self._cut_off:
            settled = await Queue(connection).count_attempts(self._cut_off, CUT_OFF)
            self._cut_off = [request for request in self._cut_off if request.id not in settled]
            self._put_off = True

    async def _expects_notifications(self, connection: Connection) -> bool:
        """Whether requests should be found by notifications, and not by polling."""
        return self._is_listening() and await connection.fetchval(query("notifies")) is True

    async def _sleep(self, watch: Watch, reading: Connection, *, found: bool) -> Cause:
        """Waits for something to do, and not for long while somebody may rely on a watch."""
        if not watch.may_be_on:
            return await self._wait(self._due, reading)
        if await watch.end():
            await self._rest()
            return Cause.WATCH  # once more: what nobody notified of has been committed by now
        pause = watch.pause(found=found)
        return await self._wait(pause if self._due is None else min(self._due, pause), reading)

    async def _wait(self, due: float | None, reading: Connection) -> Cause:
        """Waits for something to do; `due` is the seconds until there is, if that is known."""
        jitter = random.uniform(0.9, 1.1)  # noqa: S311 - spreads polls, guards nothing
        clock = asyncio.get_running_loop().time
        ends = clock() + min(self._settings.poll_interval * jitter, due if due is not None else 3600.0)
        proven_each = PROVEN_EACH * self._settings.probe_interval
        # A poll puts off no proof, or the listener would have to prove its session itself.
        if clock() >= self._proof_due:
            self._proof_due = clock() + proven_each
        while True:
            # One event, no task and no more: this is between a notification and the query that it causes.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(min(ends, self._proof_due)):
                    await self._wakeup.wait()
            if self._wakeup.is_set():
                await self._rest()
                return Cause.WAKEUP
            if clock() >= ends:
                return Cause.POLL if due is None else Cause.DUE
            await self._prove(reading)
            self._proof_due = clock() + proven_each

    async def _prove(self, reading: Connection) -> None:
        """Has the session for reading answer while there is nothing to do: no request shall find it dead.

        With the same query it proves the listener's session, so that an idle daemon asks seven times a minute and
        not for each of its sessions. An applier's is doubted once it does not answer.

        Raises:
            OSError, asyncpg.PostgresError: It does not answer.
        """
        channel = self._probe_channel()
        sent = (query("answer"),) if channel is None else (query("probe"), channel)
        # Where the queue of notifications is full, or others are committing so many, that is an answer: what to do
        # about it is the listener's.
        with contextlib.suppress(asyncpg.ProgramLimitExceededError, asyncpg.LockNotAvailableError):
            await reading.execute(*sent, timeout=self._settings.probe_timeout)
        self._succeeded()

    async def _rest(self) -> None:
        """Lets a flood of wake-ups pass that leads to nothing."""
        if seconds := self._pace.rest(asyncio.get_running_loop().time()):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._stopping.wait()

    async def _run(self, drain: Drain) -> None:
        """Runs a drain, and remembers what it leaves and when that is due."""
        try:
            await drain.run()
        finally:
            self._cut_off += drain.cut_off
            self.decided += drain.settled
            self._put_off = self._put_off or drain.has_put_off
        self._is_cut_short = drain.is_cut_short
        self._due = TAKEN_INTERVAL if drain.has_left or self._cut_off else None
        if self._put_off:
            next_attempt = await drain.next_attempt()
            self._put_off = next_attempt is not None or drain.has_left
            # One that is due by now waits for what was left: looking again at once would find no more.
            if next_attempt is not None and (next_attempt > 0 or self._due is None):
                self._due = max(0.0, min(next_attempt, self._due or next_attempt))
