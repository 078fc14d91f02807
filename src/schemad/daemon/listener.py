"""The listener: turns NOTIFY into a set event, and notices when notifications no longer come through.

It owns its connection and does nothing else on it: a transaction there would keep notifications back, and a
pool would UNLISTEN. Losing every notification costs latency, never a request, as the worker also polls.

States: off, or connecting → listening (a probe was heard) or deaf (LISTEN was taken and a probe was not heard: a
pooler in transaction mode does that) → connecting again, after a pause.
"""

import asyncio
import contextlib
import time

from schemad.daemon.backoff import Link, keep_connected
from schemad.daemon.listening_session import ListeningSession, Unheard
from schemad.daemon.pulse import Pulse
from schemad.observe.health import ListenerState
from schemad.observe.logs import Log
from schemad.observe.telemetry import Telemetry
from schemad.settings import Settings
from schemad.store import Connection, connect
from schemad.store.channels import REQUESTS_CHANNEL

# Part of the probe interval after which it probes by itself: once the worker's probe should have been heard, and
# soon enough that a dead link is known an interval and a timeout after it was last proven.
PROBED_AFTER = 0.95
DEAF_ADVICE = (
    "LISTEN was taken, and no notification comes: most likely a pooler in transaction mode, such as PgBouncer, is "
    "in between. Requests are found by polling. Set SCHEMAD_LISTEN_DSN to PostgreSQL itself, or SCHEMAD_LISTEN=off"
)


class Deaf(ConnectionError):
    """A probe was sent and not heard, on a session that has never heard one."""


class Listener:
    """Sets `wakeup` whenever there may be something in the queue.

    Args:
        settings: Where to listen, and how often to probe.
        wakeup: Set at each notification and after each (re)connect.
        watch_announced: Set when a daemon began a watch, and after each (re)connect.
        log: Where changes of its state are told.
        telemetry: Where they are counted.

    Attributes:
        state: What is known of the way of notifications.
        pulse: Beats at each proof, and at each attempt to connect that failed.
        last_proof: When a probe was last heard, of time.monotonic(); None: never.
        probe_channel: Where a notification from another session is a probe as well: whoever has to prove a session
            of its own can do both at once. None: it isn't listening, or only a probe of its own is a proof.
        listening: Set while the state is LISTENING.
        settled: Set once it is known whether notifications come through, or that they are not wanted.
    """

    # Settings by which it listens, or doesn't, and where.
    OF_SESSION = frozenset({"dsn", "listen", "listen_dsn", "probe_interval"})

    def __init__(
        self,
        settings: Settings,
        wakeup: asyncio.Event,
        watch_announced: asyncio.Event,
        log: Log,
        telemetry: Telemetry,
    ) -> None:
        self._settings = settings
        self._wakeup = wakeup
        self._watch_announced = watch_announced
        self._log = log
        self._telemetry = telemetry
        self._is_told_deaf = False
        self._reconfigured = False
        self._in_hand: Connection | None = None
        # Set when the session in hand has come to its end, by the server or by new settings.
        self._over = asyncio.Event()
        self.state = ListenerState.CONNECTING
        self.pulse = Pulse()
        self.last_proof: float | None = None
        self.probe_channel: str | None = None
        self.listening = asyncio.Event()
        self.settled = asyncio.Event()

    async def run(self) -> None:
        """Listens until cancelled, connecting again whenever the link fails or the settings changed."""
        while True:
            self._reconfigured = False
            self._over.clear()
            if self._settings.listen:
                await keep_connected(
                    self._serve,
                    part="listener",
                    log=self._log,
                    telemetry=self._telemetry,
                    on_loss=self._lost,
                )
                continue
            self._become(ListenerState.OFF)
            self._log.info("listener.off", poll_interval=self._settings.poll_interval)
            await self._over.wait()
            self.pulse.beat()

    def reconfigure(self) -> None:
        """Follows settings that have changed, on a session of its own."""
        self._reconfigured = True
        self._over.set()

    def _ended(self, connection: object) -> None:
        # That of an earlier one is told late.
        if connection is self._in_hand:
            self._over.set()

    def _become(self, state: ListenerState) -> None:
        self.state = state
        if state is ListenerState.LISTENING:
            self.listening.set()
        else:
            self.listening.clear()
            self.probe_channel = None
        if state is not ListenerState.CONNECTING:
            self.settled.set()

    def _prove(self) -> None:
        self.last_proof = time.monotonic()
        self.pulse.proven()

    def _lost(self, error: BaseException) -> bool:
        self.pulse.lost(error)
        if not isinstance(error, Deaf):
            self._become(ListenerState.CONNECTING)
            return False
        self._become(ListenerState.DEAF)
        if not self._is_told_deaf:
            self._is_told_deaf = True
            self._log.warning("listener.deaf", advice=DEAF_ADVICE, poll_interval=self._settings.poll_interval)
        return True

    async def _serve(self, link: Link) -> None:
        self._over.clear()
        if self._reconfigured:
            return
        connection = await connect(
            self._settings.dsn_for_listening,
            job="listener",
            timeout=self._settings.connect_timeout,
            writable=True,
            poolable=True,
        )
        session = ListeningSession(
            connection, self._settings, self._wakeup, self._watch_announced, self._telemetry
        )
        try:
            self._in_hand = connection
            connection.add_termination_listener(self._ended)
            await session.begin()
            try:
                await session.probe()
            except Unheard as error:
                raise Deaf("notifications do not come through") from error
            self._prove()
            link.works(channel=REQUESTS_CHANNEL)
            self._is_told_deaf = False
            # A probe from elsewhere proves that of a pooled session by chance only.
            self.probe_channel = session.channel if session.has_own_backend else None
            self._become(ListenerState.LISTENING)
            # What was inserted before LISTEN took effect was told to nobody.
            self._watch_announced.set()
            self._wakeup.set()
            await self._watch(session)
        finally:
            if self.state is ListenerState.LISTENING:
                self._become(ListenerState.CONNECTING)
            self._in_hand = None
            # terminate(), as a close() waits for a server that may never answer.
            connection.terminate()

    async def _watch(self, session: ListeningSession) -> None:
        """Probes it, unless the worker does, until the settings change; raises OSError when the link is dead."""
        while not self._reconfigured:
            interval = PROBED_AFTER * self._settings.probe_interval
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(session.heard_probe_at + interval - time.monotonic()):
                    await self._over.wait()
            if self._reconfigured:
                return
            if self._over.is_set():
                raise ConnectionError("the server closed the listening session")
            if time.monotonic() >= session.heard_probe_at + interval:
                await session.probe()
            self._prove()
