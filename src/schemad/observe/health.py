"""Health: whether a daemon is alive, and whether it is ready, from what its parts say of themselves.

Alive means that a restart would help nobody: an outage of the database is no reason for one, a worker that is
stuck is. Ready means that a request made now would be decided now.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

DEAF = "notifications do not come through, and requests are found by polling: see schemad doctor"


class ListenerState(StrEnum):
    """What is known of the way of notifications."""

    OFF = "off"
    CONNECTING = "connecting"  # nothing is known yet, or the link failed
    LISTENING = "listening"  # the last probe was heard
    DEAF = "deaf"  # the server takes LISTEN, and nothing comes: requests are found by polling


@dataclass(frozen=True, slots=True)
class Vitals:
    """What the parts of a daemon say of themselves. Durations are in seconds.

    Attributes:
        listener: What the listener is at.
        proven_seconds: Since notifications were last seen to come through; None: never yet.
        is_drained: Whether the queue was worked off at least once.
        busy_seconds: Since the worker began what it has in hand; 0: it has nothing in hand.
        busy_limit: After so many seconds of work without an answer the worker is stuck.
        ended: Parts that should run, and don't.
        is_stopping: Whether it was asked to stop.
    """

    listener: ListenerState
    proven_seconds: float | None
    is_drained: bool
    busy_seconds: float
    busy_limit: float
    ended: Sequence[str] = ()
    is_stopping: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """An answer to a probe: fine, or the reasons why not; `remarks` are what is worth a look and no reason."""

    reasons: tuple[str, ...]
    vitals: Vitals
    remarks: tuple[str, ...] = ()

    @property
    def is_fine(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.reasons

    def as_json(self) -> bytes:
        """The body of the answer."""
        vitals = self.vitals
        proven = None if vitals.proven_seconds is None else round(vitals.proven_seconds, 3)
        return json.dumps(
            {
                "status": "ok" if self.is_fine else "unavailable",
                "reasons": self.reasons,
                "remarks": self.remarks,
                "listener": {"state": vitals.listener, "proven_seconds": proven},
                "worker": {"drained": vitals.is_drained, "busy_seconds": round(vitals.busy_seconds, 3)},
                "stopping": vitals.is_stopping,
            }
        ).encode()


def liveness(vitals: Vitals) -> Report:
    """Whether the parts move. That the event loop does is shown by there being an answer."""
    reasons = [f"the {part} has ended" for part in vitals.ended if not vitals.is_stopping]
    if vitals.busy_seconds > vitals.busy_limit:
        reasons.append(
            f"the worker has had the same in hand for {vitals.busy_seconds:.0f} s, and should be done in "
            f"{vitals.busy_limit:.0f} s"
        )
    return Report(tuple(reasons), vitals)


def readiness(vitals: Vitals, database_error: str | None) -> Report:
    """Whether a request made now would be decided now.

    Args:
        vitals: What the parts say of themselves.
        database_error: What kept the database from answering; None: it answered.
    """
    reasons = [*liveness(vitals).reasons]
    if vitals.is_stopping:
        reasons.append("it was asked to stop")
    if vitals.listener is ListenerState.CONNECTING:
        reasons.append("the listener has no connection on which notifications come through")
    if not vitals.is_drained:
        reasons.append("the queue was not worked off yet")
    if database_error is not None:
        reasons.append(f"the database does not answer: {database_error}")
    remarks = (DEAF,) if vitals.listener is ListenerState.DEAF else ()
    return Report(tuple(reasons), vitals, remarks)
