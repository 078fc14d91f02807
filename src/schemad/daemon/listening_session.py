"""A listening session: what is heard on it, and the proof that something can be."""

import asyncio
import time

import asyncpg

from schemad.observe.telemetry import Telemetry
from schemad.settings import Settings
from schemad.store import Connection, connect
from schemad.store.channels import REQUESTS_CHANNEL, WATCH_CHANNEL, probe_channel
from schemad.store.connect import is_notification_queue_full
from schemad.store.sql_files import query


class Unheard(ConnectionError):
    """The server took a notification and did not deliver it in time."""


class ListeningSession:
    """One session of the listener's.

    Args:
        connection: Used for nothing else.
        settings: How long an answer may take, and where to connect to for a probe from elsewhere.
        wakeup: Set at each notification of requests or of a watch.
        watch_announced: Set at each one of a watch.
        telemetry: Where they are counted.

    Attributes:
        channel: Where its probes are heard.
        has_own_backend: Whether it hears what it sends itself, as without a pooler.
        heard_probe_at: When a probe was last heard, whoever sent it, of time.monotonic().
    """

    def __init__(
        self,
        connection: Connection,
        settings: Settings,
        wakeup: asyncio.Event,
        watch_announced: asyncio.Event,
        telemetry: Telemetry,
    ) -> None:
        self._connection = connection
        self._telemetry = telemetry
        self._settings = settings
        self._wakeup = wakeup
        self._watch_announced = watch_announced
        self.channel = probe_channel(connection.get_server_pid())
        self.has_own_backend = True
        # Backends that a probe came from since one was last sent from here.
        self._senders: set[int] = set()
        self._heard = asyncio.Event()
        self.heard_probe_at = 0.0

    # Sync callbacks that set an event: a burst coalesces, and nothing can fail within asyncpg.
    def _on_request(self, *_: object) -> None:
        self._telemetry.notifications += 1
        self._heard.set()
        self._wakeup.set()

    def _on_watch(self, *_: object) -> None:
        self._watch_announced.set()
        self._on_request()

    def _on_probe(self, _: object, sender: int, *__: object) -> None:
        self._senders.add(sender)
        self.heard_probe_at = time.monotonic()
        self._heard.set()

    async def begin(self) -> None:
        """Listens.

        Raises:
            OSError, asyncpg.PostgresError: The server does not let it, or the link failed.
        """
        connection = self._connection
        async with asyncio.timeout(self._settings.connect_timeout):
            await connection.execute(query("listener_session"))
            try:
                await connection.add_listener(self.channel, self._on_probe)
            except asyncpg.UndefinedFileError:
                # "could not access status of transaction": what is in the queue is older than what the server
                # knows of transactions. Asking how full it is has PostgreSQL give up what everybody has read.
                await is_notification_queue_full(connection)
                await connection.add_listener(self.channel, self._on_probe)
            await connection.add_listener(REQUESTS_CHANNEL, self._on_request)
            await connection.add_listener(WATCH_CHANNEL, self._on_watch)

    async def probe(self) -> None:
        """A NOTIFY to this very session: a bare SELECT 1 would not prove the subscription.

        A standby refuses NOTIFY, so it proves that the server is a primary as well.

        Raises:
            OSError, asyncpg.PostgresError: The link is dead, or the server is no primary.
        """
        self._senders.clear()
        await self._notify(self._connection)
        # A pooler tells its clients a pid of its own making.
        self.has_own_backend = self._connection.get_server_pid() in self._senders
        if not self.has_own_backend:
            # Behind a pooler a session may hear itself by chance, as it got the same backend twice. What proves
            # that it is subscribed is a notification from elsewhere while nothing is asked of it.
            other = await connect(
                self._settings.dsn_for_listening,
                job="listener",
                timeout=self._settings.connect_timeout,
                writable=True,
                poolable=True,
            )
            try:
                await self._notify(other)
            finally:
                other.terminate()

    async def _notify(self, sender: Connection) -> None:
        self._heard.clear()
        async with asyncio.timeout(self._settings.probe_timeout):
            try:
                await sender.execute(query("probe"), self.channel)
            except asyncpg.ProgramLimitExceededError as error:
                # Somebody listens, and does not read: nobody in the server can notify until that session ends, and
                # until somebody has asked how full the queue is, which is when PostgreSQL looks.
                await is_notification_queue_full(sender)
                raise ConnectionError(f"no notification can be sent: {error}") from error
        try:
            async with asyncio.timeout(self._settings.probe_timeout):
                await self._heard.wait()
        except TimeoutError as error:
            raise Unheard("a probe was not heard in time") from error
