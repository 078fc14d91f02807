"""The HTTP server of the daemon: a few pages that are asked for with GET, within limits, and nothing else.

It is no web server. A request has no body, a connection serves one, and whoever is slow, large or many is shown
the door: whatever comes over the network, the daemon goes on with its work. Served by the daemon's own event loop,
so that an answer shows that the loop moves.
"""

import asyncio
import contextlib
import errno
import os
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus

from schemad.address import Address
from schemad.observe.logs import Log

# Bytes of a request line with its headers; a scraper sends about 300.
MOST_BYTES = 8192
# Seconds for a request to arrive whole; a probe sends it at once.
REQUEST_WITHIN = 2.0
# Seconds for an answer to be taken.
PATIENCE = 5.0
# Seconds for an answer to be made.
ANSWER_WITHIN = 15.0
MOST_CONNECTIONS = 32
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
METHODS = ("GET", "HEAD")


class AddressUnavailable(Exception):
    """The address can't be served on; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for; `headers` by names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Response:
    """An answer."""

    status: HTTPStatus
    content_type: str
    body: bytes


Page = Callable[[Request], Awaitable[Response]]


class _Refused(Exception):
    """A request that gets no page."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        self.response = Response(status, TEXT, f"{why}\n".encode())


class HttpServer:
    """Serves pages.

    Args:
        address: Where.
        pages: What makes the answer, by path.
        log: Where a page that can't be made is told.
    """

    def __init__(self, address: Address, pages: Mapping[str, Page], log: Log) -> None:
        self._address = address
        self._pages = pages
        self._log = log
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        # A page that takes its time, as one does that asks a database which stands still, leaves room for the
        # others, and for those that say nothing yet.
        self._most_of_a_page = MOST_CONNECTIONS // (len(pages) + 1)
        self._asked: Counter[str] = Counter()
        # Those of them that wait for the other side, the longest first: nothing is lost with them.
        self._waiting: dict[asyncio.Task[None], None] = {}

    @property
    def address(self) -> Address:
        """Where it listens; once it was started, with the port that the system chose."""
        return self._address

    async def start(self) -> None:
        """Begins to listen.

        Raises:
            AddressUnavailable: The address is taken, not this machine's, or not to be had.
        """
        try:
            self._server = await asyncio.start_server(
                self._accept, self._address.host, self._address.port, limit=MOST_BYTES
            )
        except (OSError, UnicodeError) as error:
            raise AddressUnavailable(_why_unavailable(self._address, error)) from error
        if self._address.port == 0:
            self._address = replace(self._address, port=self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stops listening, and drops what is being served."""
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= MOST_CONNECTIONS:
            self._make_room()
        task = asyncio.create_task(self._serve(reader, writer), name="http")
        self._connections.add(task)
        self._waiting[task] = None

        def end(_: asyncio.Task[None]) -> None:
            self._connections.discard(task)
            self._waiting.pop(task, None)
            writer.transport.abort()

        task.add_done_callback(end)

    def _make_room(self) -> None:
        """Ends the connection that has waited longest for the other side.

        Else a few strangers who open connections and say nothing would keep every probe out, and a sound daemon
        would be restarted. There is always one: no more are being answered than the pages together may have.
        """
        oldest = next(iter(self._waiting))
        del self._waiting[oldest]
        self._connections.discard(oldest)
        oldest.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Whoever went away, or is too slow, has no use for an answer.
        with contextlib.suppress(OSError, TimeoutError):
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - asyncio serves each in a task, which its types do not tell
            await self._answer(task, reader, writer)

    async def _answer(
        self, task: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with_body = True
        try:
            request = await _read(reader)
            self._waiting.pop(task, None)
            with_body = request.method != "HEAD"
            response = await self._page(request)
        except _Refused as refused:
            response = refused.response
        self._waiting[task] = None
        if writer.transport.is_closing():
            return  # uvloop takes a write for an error of the program's then
        async with asyncio.timeout(PATIENCE):
            writer.write(_text(response, with_body=with_body))
            await writer.drain()
            writer.write_eof()
            # What was sent beyond the headers is read and dropped: closing before would take the answer back.
            for _ in range(64):
                if not await reader.read(MOST_BYTES):
                    break

    async def _page(self, request: Request) -> Response:
        page = self._pages.get(request.path)
        if page is None:
            raise _Refused(HTTPStatus.NOT_FOUND, f"there is nothing here; there is {', '.join(self._pages)}")
        if self._asked[request.path] >= self._most_of_a_page:
            raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, "too many wait for this page")
        self._asked[request.path] += 1
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                return await page(request)
        except TimeoutError:
            raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, "it took too long to find out") from None
        except Exception:  # noqa: BLE001 - a defect of schemad's: it is told, and the daemon goes on
            self._log.exception("http.failed", path=request.path)
            raise _Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "that failed; the daemon's log says how") from None
        finally:
            self._asked[request.path] -= 1


async def _read(reader: asyncio.StreamReader) -> Request:
    """Reads a request up to the end of its headers."""
    try:
        async with asyncio.timeout(REQUEST_WITHIN):
            head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise _Refused(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"a request has at most {MOST_BYTES} bytes"
        ) from None
    except asyncio.IncompleteReadError as error:
        raise ConnectionError("it went away") from error
    except TimeoutError:
        raise _Refused(
            HTTPStatus.REQUEST_TIMEOUT, f"a request has to arrive within {REQUEST_WITHIN:g} s"
        ) from None
    line, *lines = head.decode("latin-1").split("\r\n")
    match line.split(" "):
        case [method, target, version] if version.startswith("HTTP/1.") and target.startswith("/"):
            pass
        case _:
            raise _Refused(HTTPStatus.BAD_REQUEST, "that is no HTTP/1 request")
    if method not in METHODS:
        raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED, f"pages are asked for with {' or '.join(METHODS)}")
    headers = {name.lower(): value.strip() for name, _, value in (header.partition(":") for header in lines)}
    return Request(method, target.partition("?")[0], headers)


def _text(response: Response, *, with_body: bool = True) -> bytes:
    status = response.status
    head = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        f"Content-Type: {response.content_type}",
        f"Content-Length: {len(response.body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
    ]
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        head.append(f"Allow: {', '.join(METHODS)}")
    return "\r\n".join([*head, "", ""]).encode("latin-1") + (response.body if with_body else b"")


def _why_unavailable(address: Address, error: OSError | UnicodeError) -> str:
    # A name with an empty part, or one over 63 characters, is not even looked up.
    if isinstance(error, socket.gaierror | UnicodeError):
        why = f"{address.host} is no name or address of this machine"
    elif error.errno == errno.EADDRINUSE:
        why = "another program listens there"
    elif error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
        why = f"{address.host} is no address of this machine"
    elif error.errno in {errno.EACCES, errno.EPERM}:
        why = "ports below 1024 take a privilege"
    else:
        # asyncio's own text repeats the address.
        why = os.strerror(error.errno) if error.errno else str(error)
    return f"can't serve metrics on {address}: {why}. SCHEMAD_METRICS_ADDR says where to"
