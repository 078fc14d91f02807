"""The watchdog: tells the service manager what the daemon does, and that it is alive, which takes evidence.

A timer that feeds a watchdog proves that timers work. Here it only asks: each part has to show a beat of its
pulse, and is given as long for it as what it waits for may take.

- A part that has its connection beats when that is proven: the listener has heard a notification (`last_proof`),
  the worker has looked at the queue or has had its sessions answer (`last_success`). Either comes at least once a
  probe interval.
- A worker that is draining beats at each answer of the server's: to a read, to a batch, to a statement that was
  cancelled for its length. So a backlog may take its time, and a single statement no more than its timeouts.
- A part whose link is lost beats at each attempt that failed. So a database that is away is no reason to be
  killed: a daemon that goes on trying is healthy, and another process could do no better.

As long as none is late the watchdog is fed. A part that stands still, for whatever reason, becomes late; an event
loop that is stuck does not come to asking. Either way systemd ends the process and starts it again.
"""

import asyncio
import time
from dataclasses import dataclass

from schemad.daemon.backoff import LONGEST
from schemad.daemon.listener import Listener
from schemad.daemon.pulse import Outage
from schemad.daemon.service_manager import ServiceManager
from schemad.daemon.sessions import READ_TIMEOUT
from schemad.daemon.worker import Worker
from schemad.observe.health import ListenerState, WorkerState
from schemad.observe.logs import Log
from schemad.settings import Settings

# Seconds for a busy machine, or for further hosts of a DSN, each of which is tried half a second after the last.
SLACK = 5.0
# Statements on a new connection before it is proven.
FIRST_STATEMENTS = 4
# Looks in a period of the watchdog's: one may come late, and the next one is in time.
LOOKS = 4
# What is told of the state is no older than this.
LONGEST_PAUSE = 5.0


@dataclass(frozen=True, slots=True)
class Late:
    """A part that should have got on by now; both in seconds."""

    part: str
    silent: float
    allowed: float


class Watchdog:
    """Looks after the parts for the service manager.

    Args:
        manager: Who is told.
        settings: How long what the parts wait for may take.
        listener: Asked for its pulse.
        worker: Asked for its pulse.
        stopping: Set once the daemon stops.
        log: Where a part that is late is told, once each time.
    """

    def __init__(
        self,
        manager: ServiceManager,
        settings: Settings,
        listener: Listener,
        worker: Worker,
        stopping: asyncio.Event,
        log: Log,
    ) -> None:
        self._manager = manager
        self._settings = settings
        self._listener = listener
        self._worker = worker
        self._stopping = stopping
        self._log = log
        self._told: set[str] = set()

    async def run(self) -> None:
        """Looks again and again, until cancelled."""
        period = self._manager.watchdog_period
        pause = min(LONGEST_PAUSE, period / LOOKS) if period else LONGEST_PAUSE
        while True:
            self.look(time.monotonic())
            await asyncio.sleep(pause)

    def look(self, now: float) -> None:
        """Feeds the watchdog if no part is late, and tells what the daemon does.

        Args:
            now: Of time.monotonic().
        """
        late = self.late(now)
        if not late:
            self._manager.alive()
        for each in late:
            if each.part not in self._told:
                self._log.error(
                    "watchdog.unfed", part=each.part, silent=round(each.silent, 1), allowed=round(each.allowed, 1)
                )
        self._told = {each.part for each in late}
        self._manager.status(self.status())

    def late(self, now: float) -> list[Late]:
        """The parts that should have got on by now; empty: it is alive.

        Args:
            now: Of time.monotonic().
        """
        silences = [("worker", now - self._worker.pulse.at, self._worker_may_take())]
        if self._listener.state is not ListenerState.OFF:
            silences.append(("listener", now - self._listener.pulse.at, self._listener_may_take()))
        return [Late(part, silent, allowed) for part, silent, allowed in silences if silent > allowed]

    def status(self) -> str:
        """What the daemon does, in a line for people."""
        worker, listener = self._worker, self._listener
        if self._stopping.is_set():
            return "stopping: finishes what is in hand"
        if worker.pulse.outage is not None:
            return _away(worker.pulse.outage)
        if worker.state is WorkerState.CONNECTING:
            return "connecting to the database"
        decided = f"{worker.decided:,} request{'' if worker.decided == 1 else 's'} decided"
        polling = f"polling every {self._settings.poll_interval:g} s"
        match listener.state:
            case ListenerState.LISTENING:
                way = "listening"
            case ListenerState.OFF:
                way = polling
            case ListenerState.DEAF:
                way = f"notifications do not come through, {polling}"
            case ListenerState.CONNECTING:
                outage = listener.pulse.outage
                way = f"not listening {f'since {_moment(outage)}' if outage else 'yet'}, {polling}"
        return f"{way}; {decided}; {'working' if worker.busy else 'idle'}"

    def _worker_may_take(self) -> float:
        """Seconds until its next beat, at the most."""
        settings = self._settings
        reading = min(settings.statement_timeout, READ_TIMEOUT) + settings.probe_timeout
        match self._worker.state:
            case WorkerState.WAITING:
                return settings.probe_interval + settings.probe_timeout + reading + SLACK
            case WorkerState.DRAINING:
                return settings.statement_timeout + settings.probe_timeout + reading + SLACK
            case WorkerState.CONNECTING:
                return LONGEST + settings.connect_timeout + FIRST_STATEMENTS * reading + SLACK

    def _listener_may_take(self) -> float:
        """Seconds until its next beat, at the most."""
        settings = self._settings
        # Behind a pooler it is done twice, the second time on a further connection.
        probe = 2 * settings.probe_timeout + settings.connect_timeout
        if self._listener.state is ListenerState.LISTENING:
            return settings.probe_interval + probe + SLACK
        return LONGEST + 2 * settings.connect_timeout + probe + SLACK


def _away(outage: Outage) -> str:
    attempts = f"{outage.failures:,} failure{'' if outage.failures == 1 else 's'}"
    return f"database unreachable since {_moment(outage)}: {attempts}, the last one: {outage.error}"


def _moment(outage: Outage) -> str:
    return f"{outage.since:%Y-%m-%d %H:%M:%S} UTC"
