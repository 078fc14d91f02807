"""Health: whether a daemon is alive, and whether it is ready, from what its parts say of themselves.

Alive means that a restart would help nobody: an outage of the database is no reason for one, a worker that is
stuck is. Ready means that a request made now would be decided now.
"""

import json
from dataclasses import dataclass
from enum import StrEnum

DEAF = "notifications do not come through, and requests are found by polling: see schemad doctor"


class ListenerState(StrEnum):
    """What is known of the way of notifications."""

    OFF = "off"
    CONNECTING = "connecting"  # nothing is known yet, or the link failed
    LISTENING = "listening"  # the last probe was heard
    DEAF = "deaf"  # the server takes LISTEN, and nothing comes: requests are found by polling


class WorkerState(StrEnum):
    """What the worker is at."""

    CONNECTING = "connecting"
    DRAINING = "draining"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Vitals:
    """What the parts of a daemon say of themselves. Durations are in seconds.

    Attributes:
        listener: What is known of the way of notifications.
        proven_seconds: Since notifications were last seen to come through; None: never yet.
        proof_limit: After so many seconds without such a proof a listener that listens is stuck.
        worker: What the worker is at.
        silent_seconds: Since the server last answered the worker.
        silence_limit: After so many seconds without an answer a worker that is connected is stuck.
        is_drained: Whether the queue was worked off at least once.
        is_stopping: Whether it was asked to stop.
    """

    listener: ListenerState
    proven_seconds: float | None
    proof_limit: float
    worker: WorkerState
    silent_seconds: float
    silence_limit: float
    is_drained: bool
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
                "worker": {
                    "state": vitals.worker,
                    "silent_seconds": round(vitals.silent_seconds, 3),
                    "drained": vitals.is_drained,
                },
                "stopping": vitals.is_stopping,
            }
        ).encode()


def liveness(vitals: Vitals) -> Report:
    """Whether the parts move. That the event loop does is shown by there being an answer."""
    reasons = []
    if vitals.worker is not WorkerState.CONNECTING and vitals.silent_seconds > vitals.silence_limit:
        reasons.append(
            f"the worker got no answer for {vitals.silent_seconds:.0f} s, and should have given up after "
            f"{vitals.silence_limit:.0f} s"
        )
    is_proven = vitals.listener is ListenerState.LISTENING and vitals.proven_seconds is not None
    if is_proven and (vitals.proven_seconds or 0.0) > vitals.proof_limit:
        reasons.append(
            f"the listener has proven nothing for {vitals.proven_seconds:.0f} s, and should have given up after "
            f"{vitals.proof_limit:.0f} s"
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
    if vitals.worker is WorkerState.CONNECTING:
        reasons.append("the worker has no connection")
    if not vitals.is_drained:
        reasons.append("the queue was not worked off yet")
    if database_error is not None:
        reasons.append(f"the database does not answer: {database_error}")
    remarks = (DEAF,) if vitals.listener is ListenerState.DEAF else ()
    return Report(tuple(reasons), vitals, remarks)
