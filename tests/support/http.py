"""A client for the daemon's pages, which runs beside the daemon in this process's event loop."""

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from schemad.address import Address
from schemad.daemon import Daemon
from tests.support.daemons import PATIENCE


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; status 0: there was none."""

    status: int
    head: str
    body: bytes

    @property
    def json(self) -> Any:
        """Its body, which has to be JSON."""
        return json.loads(self.body)


async def send(address: Address, text: bytes) -> Answer:
    """What comes back for these bytes, until the server closes."""
    reader, writer = await asyncio.open_connection(address.host, address.port)
    answer = b""
    try:
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionError):
                writer.write(text)
                await writer.drain()
                answer = await reader.read()
    finally:
        writer.transport.abort()
    head, _, body = answer.partition(b"\r\n\r\n")
    return Answer(int(head.split(b" ", 2)[1]) if head else 0, head.decode("latin-1"), body)


async def get(daemon: Daemon, path: str, accept: str = "*/*") -> Answer:
    """A page of a daemon that serves some."""
    assert daemon.endpoint.server is not None
    text = f"GET {path} HTTP/1.1\r\nHost: schemad\r\nAccept: {accept}\r\n\r\n"
    return await send(daemon.endpoint.server.address, text.encode())


async def scrape(daemon: Daemon) -> dict[str, float]:
    """The samples of a daemon, by name with labels as Prometheus writes them."""
    answer = await get(daemon, "/metrics")
    assert answer.status == 200
    samples = {}
    for family in text_string_to_metric_families(answer.body.decode()):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
            samples[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return samples


async def scrape_until(daemon: Daemon, **counts: float) -> dict[str, float]:
    """The samples of a daemon once it has counted so many decisions of each outcome.

    A requester may know of its decision before the daemon has got the answer.
    """
    async with asyncio.timeout(PATIENCE):
        while True:
            samples = await scrape(daemon)
            if all(samples[f'schemad_requests_total{{outcome="{name}"}}'] >= n for name, n in counts.items()):
                return samples
