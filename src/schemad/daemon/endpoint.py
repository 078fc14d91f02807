"""The endpoint: /metrics, /healthz and /readyz over HTTP, where an address is set for them.

Nothing is asked of the database, imported or computed for it while nobody asks.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus

from schemad.observe.health import Report, Vitals, liveness, readiness
from schemad.observe.http import JSON, AddressUnavailable, HttpServer, Page, Request, Response
from schemad.observe.logs import Log
from schemad.observe.telemetry import Telemetry
from schemad.settings import Settings
from schemad.store.queue_reader import QueueReader, Reading


class Endpoint:
    """Serves what a daemon tells of itself.

    Args:
        settings: Where, and where the database is.
        telemetry: What was counted.
        vitals: What the parts say of themselves now.
        log: Where it is told where it serves.
    """

    # Settings by which it is there, and asks.
    OF_ADDRESS = frozenset({"metrics_addr", "dsn"})

    def __init__(
        self,
        settings: Settings,
        telemetry: Telemetry,
        vitals: Callable[[], Vitals],
        log: Log,
    ) -> None:
        self.settings = settings
        self._telemetry = telemetry
        self._vitals = vitals
        self._log = log
        self._queue = QueueReader(settings)
        self._server: HttpServer | None = None
        self._served: str | None = None
        self._moving: asyncio.Task[None] | None = None

    @property
    def server(self) -> HttpServer | None:
        """What serves; None: nothing does."""
        return self._server

    @property
    def is_as_set(self) -> bool:
        """Whether it serves where the settings say; not so once an address turned out to be unavailable."""
        return self._served == self.settings.metrics_addr

    async def start(self) -> None:
        """Begins to serve, if an address is set.

        Raises:
            AddressUnavailable: It can't be served on.
        """
        named, address = self.settings.metrics_addr, self.settings.metrics_address
        if address is None:
            return
        from schemad.observe.metrics import Metrics, Snapshot  # noqa: PLC0415 - its memory, only where it is served

        metrics = Metrics()

        async def scrape(request: Request) -> Response:
            reading = await self._queue.read()
            ready = readiness(self._vitals(), reading.error)
            text, content_type = metrics.write(
                Snapshot(self._telemetry, ready, reading.state), request.headers.get("accept", "")
            )
            return Response(HTTPStatus.OK, content_type, text)

        pages: dict[str, Page] = {"/metrics": scrape, "/healthz": self._healthz, "/readyz": self._readyz}
        server = HttpServer(address, pages, self._log)
        await server.start()
        self._server = server
        self._served = named
        self._log.info("http.serving", address=str(server.address), pages=list(pages))

    async def stop(self) -> None:
        """Stops serving."""
        if self._moving is not None:
            self._moving.cancel()
            await asyncio.gather(self._moving, return_exceptions=True)
        await self._end()

    def reconfigure(self) -> asyncio.Task[None]:
        """Follows settings that have changed; the task is done once it has."""
        if self._moving is not None:
            self._moving.cancel()
        self._moving = asyncio.create_task(self._move(), name="endpoint")
        return self._moving

    async def _move(self) -> None:
        self._queue.close()
        if self.is_as_set:
            return
        await self._end()
        try:
            await self.start()
        except AddressUnavailable as error:
            # The daemon works; whoever looks at its pages finds nobody, and the log says why.
            self._log.error("http.unavailable", error=str(error))

    async def _end(self) -> None:
        self._served = None
        if self._server is not None:
            await self._server.stop()
            self._server = None
        self._queue.close()

    async def _healthz(self, _: Request) -> Response:
        return _answer(liveness(self._vitals()))

    async def _readyz(self, _: Request) -> Response:
        reading: Reading = await self._queue.read()
        return _answer(readiness(self._vitals(), reading.error))


def _answer(report: Report) -> Response:
    status = HTTPStatus.OK if report.is_fine else HTTPStatus.SERVICE_UNAVAILABLE
    return Response(status, JSON, report.as_json())
