"""The ledger: what requesters were told, kept outside of the database, so that a loss can be seen."""

import time
from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Asked:
    """A request whose submission was acknowledged.

    Attributes:
        role: The role that asked.
        key: Its idempotency key.
        request_id: The id that the requester was told.
        submitted_at: When the submission began that was acknowledged, on the monotonic clock.
        decided_at: When the requester saw that it was decided; None: it did not wait for that.
    """

    role: str
    key: str
    request_id: int
    submitted_at: float
    decided_at: float | None = None


@dataclass(slots=True)
class Ledger:
    """All that was asked for in a run.

    Attributes:
        asked: Each request that was acknowledged.
        kinds: How many of which kind were made.
        troubles: Errors that requesters met and got over, by SQLSTATE or name.
    """

    asked: list[Asked] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)

    def enter(self, role: str, key: str, request_id: int, submitted_at: float) -> Asked:
        """Notes that a submission was acknowledged."""
        entry = Asked(role, key, request_id, submitted_at)
        self.asked.append(entry)
        return entry

    def recovery(self, fault_at: float) -> float | None:
        """Seconds from a moment until a request is decided that was submitted after it; None: there is none."""
        ends = [
            entry.decided_at
            for entry in self.asked
            if entry.decided_at is not None and entry.submitted_at >= fault_at
        ]
        return min(ends) - fault_at if ends else None


def now() -> float:
    """The clock of the ledger, in seconds."""
    return time.monotonic()
