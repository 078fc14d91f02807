"""Links between a daemon and a server, as TCP proxies that let them fall silent, drag, break, or lose a reply."""

import asyncio
import contextlib
import functools
import random

HOST = "127.0.0.1"
CHUNK = 65536


class Link:
    """One connection through a proxy.

    Attributes:
        delay: Seconds by which everything is late, in either direction.
        cut_after: So many bytes of replies still get through, then the link breaks; None: all do.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._client = reader, writer
        self._server: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._flows = asyncio.Event()
        self._flows.set()
        self._is_forgotten = False
        self.delay = 0.0
        self.cut_after: int | None = None

    @property
    def server_port(self) -> int | None:
        """The port at the server's end by which the server knows this link."""
        return self._server[1].get_extra_info("sockname")[1] if self._server is not None else None

    def silence(self) -> None:
        """Nothing gets through any more, and neither end is told."""
        self._flows.clear()

    def resume(self) -> None:
        """What was held back gets through."""
        self._flows.set()

    def forget(self) -> None:
        """The server's end is told that the link is gone, as its keepalive would; the client's never."""
        self._is_forgotten = True
        if self._server is not None:
            self._server[1].transport.abort()
        self._flows.set()

    def reset(self) -> None:
        """Both ends are told that the link is gone."""
        self._client[1].transport.abort()
        if self._server is not None:
            self._server[1].transport.abort()

    async def run(self, port: int) -> None:
        """Forwards until either end goes away."""
        try:
            self._server = await asyncio.open_connection(HOST, port)
            pumps = [
                asyncio.create_task(self._pump(self._client[0], self._server[1], is_reply=False)),
                asyncio.create_task(self._pump(self._server[0], self._client[1], is_reply=True)),
            ]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                if self._is_forgotten:
                    await self._until_client_gives_up(pumps)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        except OSError:
            pass  # no server there, which the client is told by the reset below
        finally:
            self.reset()

    async def _until_client_gives_up(self, pumps: list["asyncio.Task[None]"]) -> None:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        with contextlib.suppress(OSError):
            while await self._client[0].read(CHUNK):
                pass

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, is_reply: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(CHUNK):
                await self._flows.wait()
                if self._is_forgotten:
                    return
                if self.delay:
                    await asyncio.sleep(self.delay)
                if is_reply and self.cut_after is not None:
                    data, self.cut_after = data[: self.cut_after], self.cut_after - len(data)
                target.write(data)
                await target.drain()
                if is_reply and self.cut_after is not None and self.cut_after < 0:
                    return


class Links:
    """All links of one daemon, to each place of the cluster through a port of its own.

    Attributes:
        ports: Where the daemon connects to, in the order of the places.
    """

    def __init__(self, ports: list[int]) -> None:
        self._targets = ports
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._links: dict[asyncio.Task[None], Link] = {}
        self._silent = False
        self._delay = 0.0
        self.ports: list[int] = []

    async def start(self) -> None:
        """Begins to accept connections."""
        for target in self._targets:
            server = await asyncio.start_server(functools.partial(self._accept, target), HOST, 0)
            self._servers.append(server)
            self.ports.append(server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Breaks all links."""
        for server in self._servers:
            server.close()
        for task in list(self._links):
            task.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    def all(self) -> list[Link]:
        """All links there are."""
        return list(self._links.values())

    def some(self, chance: random.Random) -> list[Link]:
        """All links there are, or one of them."""
        links = self.all()
        return links if not links or chance.random() < 0.5 else [chance.choice(links)]

    def silence(self, links: list[Link], *, new_ones: bool) -> None:
        """Silences links, and, where `new_ones` says so, those that are made from now on."""
        self._silent = new_ones
        for link in links:
            link.silence()

    def drag(self, seconds: float) -> None:
        """Delays all links, and those that are made from now on; 0: none any more."""
        self._delay = seconds
        for link in self._links.values():
            link.delay = seconds

    def heal(self, links: list[Link], *, forgotten: bool) -> None:
        """Lets new links through again; the given ones are gone without a word, or go on."""
        self._silent = False
        for link in {*links, *self._links.values()}:
            if forgotten and link in links:
                link.forget()
            else:
                link.resume()

    def _accept(self, target: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(reader, writer)
        link.delay = self._delay
        if self._silent:
            link.silence()
        task = asyncio.create_task(link.run(target))
        self._links[task] = link
        task.add_done_callback(lambda done: self._links.pop(done, None))
