"""What a daemon in the test's process logs, to be waited for as it comes."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import structlog

from tests.support.daemons import PATIENCE


class Lines:
    """The lines that were logged, each with its level as `log_level`."""

    def __init__(self) -> None:
        self.all: list[dict[str, Any]] = []
        self._news = asyncio.Event()
        self.log = structlog.get_logger("schemad")

    def __call__(self, _: object, level: str, line: Any) -> Any:
        """Takes a line, as a processor of structlog's."""
        self.all.append({**line, "log_level": level})
        self._news.set()
        raise structlog.DropEvent

    def events(self, *, least: str = "debug") -> list[str]:
        """The names of all events of that level and above."""
        levels = ["debug", "info", "warning", "error"]
        return [line["event"] for line in self.all if levels.index(line["log_level"]) >= levels.index(least)]

    def of(self, event: str) -> list[dict[str, Any]]:
        """All lines of that event."""
        return [line for line in self.all if line["event"] == event]

    async def next(self, event: str, number: int = 1) -> dict[str, Any]:
        """The line of that event, or the so-manieth, once it is there."""
        async with asyncio.timeout(PATIENCE):
            while len(found := self.of(event)) < number:
                self._news.clear()
                await self._news.wait()
        return found[number - 1]


@contextlib.contextmanager
def logged() -> Iterator[Lines]:
    """Takes all lines instead of printing them."""
    processors = structlog.get_config()["processors"]
    before = processors.copy()
    lines = Lines()
    # In place: loggers that were bound before have this very list.
    processors[:] = [lines]
    try:
        yield lines
    finally:
        processors[:] = before
