"""What the daemon logs, held to the events that the reference lists."""

import contextlib
from collections.abc import Iterator

from structlog.typing import EventDict, Processor, WrappedLogger

from schemad.observe.events import EVENTS, OF_REQUEST

_LISTED = {event.name: event for event in EVENTS}


@contextlib.contextmanager
def listed_events() -> Iterator[Processor]:
    """A processor of structlog's; what it saw that is not listed fails at the end: no daemon ends for it."""
    strange: list[str] = []

    def check(_: WrappedLogger, level: str, line: EventDict) -> EventDict:
        event = _LISTED.get(line["event"])
        if event is None:
            strange.append(f"{line['event']} is not listed")
            return line
        allowed = {"event", *event.fields, *(OF_REQUEST if event.name.startswith("request.") else ())}
        if further := line.keys() - allowed:
            strange.append(f"{event.name} has further fields: {', '.join(sorted(further))}")
        if level not in event.levels:
            strange.append(f"{event.name} is logged at level {level}")
        return line

    yield check
    assert not strange, "; ".join(sorted(set(strange)))
