"""The pulse of a part: when it last got on, and since when its link is lost."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from schemad.store.connect import in_few_words


@dataclass(frozen=True, slots=True)
class Outage:
    """A link that is lost, and what was tried since.

    Attributes:
        since: When it was lost.
        failures: How often it failed since, the loss included.
        error: The last failure.
    """

    since: datetime
    failures: int
    error: str


class Pulse:
    """When a part last got on; it beats whenever something that the part waited for has come to an end.

    Attributes:
        at: The last beat, of time.monotonic().
        outage: The outage of its link; None: there is none, or there was no link yet.
    """

    def __init__(self) -> None:
        self.at = time.monotonic()
        self.outage: Outage | None = None

    def beat(self) -> None:
        """Something has come to an end, well or badly: an answer, an error, a step of its own."""
        self.at = time.monotonic()

    def proven(self) -> None:
        """The link works."""
        self.beat()
        self.outage = None

    def lost(self, error: BaseException) -> None:
        """The link failed, or could not be had again."""
        self.beat()
        before = self.outage or Outage(datetime.now(UTC), 0, "")
        self.outage = Outage(before.since, before.failures + 1, in_few_words(error))
