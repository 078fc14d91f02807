"""A TCP proxy before PostgreSQL, for links that fall silent and for replies that get lost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

from tests.support.daemons import PATIENCE

CHUNK = 65536


class Proxy:
    """Forwards connections to one server, until it is told not to.

    A link that was silenced stays silent for ever, as one does whose state a firewall forgot: nobody tells
    either end. After `heal()` new links work.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = urlsplit(dsn)
        self._silent = False
        self._cut_after: bytes | None = None
        self._keeps_notifications = False
        self._refusal: tuple[bytes, bytes] | None = None
        self._links: set[asyncio.Task[None]] = set()
        self._mute: set[asyncio.StreamWriter] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._new_link = asyncio.Event()
        self.was_cut = asyncio.Event()

    @property
    def dsn(self) -> str:
        """The DSN that leads through the proxy."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        user = self._dsn.netloc.rpartition("@")[0]
        return urlunsplit(self._dsn._replace(netloc=f"{user}@127.0.0.1:{port}"))

    def silence(self) -> None:
        """Forwards nothing any more, on any link, present or new, and closes none: see next_link()."""
        self._silent = True
        self._new_link.clear()
        self._mute |= self._writers

    def heal(self) -> None:
        """Lets new links through again."""
        self._silent = False

    def deafen(self) -> None:
        """Lets everything through but notifications, on links that are opened from now on: as a pooler does."""
        self._keeps_notifications = True

    def hear(self) -> None:
        """Lets notifications through again, on links that are opened from now on."""
        self._keeps_notifications = False

    async def next_link(self) -> None:
        """Waits until somebody has connected since the last time, or since it fell silent."""
        async with asyncio.timeout(PATIENCE):
            await self._new_link.wait()
        self._new_link.clear()

    def cut_reply_to(self, text: bytes) -> None:
        """Passes the next message with that text on, and cuts the link when its reply comes."""
        self._cut_after = text

    def refuse_once(self, text: bytes, sqlstate: str, message: str) -> None:
        """Answers the next message with that text by itself, as a server does that fails with that error."""
        said = [b"SERROR", b"VERROR", f"C{sqlstate}".encode(), f"M{message}".encode(), b""]
        error = b"\0".join(said) + b"\0"
        # The error, and that it is ready for more, outside of any transaction.
        answer = b"E" + (len(error) + 4).to_bytes(4, "big") + error + b"Z" + (5).to_bytes(4, "big") + b"I"
        self._refusal = text, answer

    async def start(self) -> None:
        """Begins to accept connections."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def stop(self) -> None:
        """Cuts all links."""
        assert self._server is not None
        self._server.close()
        for link in self._links:
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)
        for writer in list(self._writers):
            await self._drop(writer)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self._new_link.set()
        link = asyncio.create_task(self._forward(reader, writer))
        self._links.add(link)
        link.add_done_callback(self._links.discard)

    async def _drop(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        self._mute.discard(writer)
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = {writer}
        pumps: list[asyncio.Task[None]] = []
        try:
            server_reader, server_writer = await asyncio.open_connection(self._dsn.hostname, self._dsn.port)
            ends.add(server_writer)
            self._writers |= ends
            if self._silent:
                self._mute |= ends
            expects_cut = asyncio.Event()
            silencer = _Silencer() if self._keeps_notifications else None
            pumps = [
                asyncio.create_task(self._pump(reader, server_writer, asked=expects_cut, back=writer)),
                asyncio.create_task(self._pump(server_reader, writer, answered=expects_cut, silencer=silencer)),
            ]
            # Whichever end goes away first takes the other with it.
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for end in ends:
                await self._drop(end)

    async def _pump(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        *,
        asked: asyncio.Event | None = None,
        back: asyncio.StreamWriter | None = None,
        answered: asyncio.Event | None = None,
        silencer: "_Silencer | None" = None,
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(CHUNK):
                if target in self._mute:
                    continue
                if back is not None and self._refusal is not None and self._refusal[0] in data:
                    back.write(self._refusal[1])
                    self._refusal = None
                    continue
                if asked is not None and self._cut_after is not None and self._cut_after in data:
                    self._cut_after = None
                    asked.set()
                elif answered is not None and answered.is_set():
                    self.was_cut.set()
                    return
                target.write(data if silencer is None else silencer.without_notifications(data))
                await target.drain()
        if target in self._mute:
            # That this end went away is not told to the other one either.
            await asyncio.Event().wait()


class _Silencer:
    """Takes notifications out of what a server says: each message is a letter, its length and its text."""

    def __init__(self) -> None:
        self._rest = b""
        self._has_begun = False

    def without_notifications(self, data: bytes) -> bytes:
        """What is left of it; a message that has not come to its end is kept for the next call."""
        if not self._has_begun and data in {b"N", b"S"}:
            return data  # whether it speaks TLS, in a single letter
        self._has_begun = True
        self._rest += data
        kept = b""
        while len(self._rest) >= 5 and len(self._rest) > (length := int.from_bytes(self._rest[1:5], "big")):
            message, self._rest = self._rest[: length + 1], self._rest[length + 1 :]
            if message[:1] != b"A":
                kept += message
        return kept


@contextlib.asynccontextmanager
async def running_proxy(dsn: str) -> AsyncIterator[Proxy]:
    """A proxy before the server of a DSN."""
    proxy = Proxy(dsn)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
