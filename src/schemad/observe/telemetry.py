"""Telemetry: what the daemon did, counted where it happens, for whoever asks.

The parts call it beside the log. Between two questions it costs an addition for each thing that happens: nothing
of Prometheus or OpenTelemetry is imported here, and nothing is computed until it is read.
"""

import bisect
import contextlib
import time
from collections import Counter
from collections.abc import Iterator, Sequence

from schemad.observe.tracing import NO_SPANS, Spans

# Upper bounds in seconds. A request takes about 5 ms, of which PostgreSQL's CREATE TABLE is most.
LATENCIES = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

OUTCOMES = ("applied", "held", "failed")
OBSTACLES = ("unrecorded", "undecided")
CAUSES = ("wakeup", "due", "watch", "poll")
PARTS = ("listener", "worker")
PRUNED = ("auto_create_log", "notifications", "schema_requests")


class Histogram:
    """How many observations were of which size.

    Args:
        bounds: The upper bounds of the buckets, ascending; what is over the last one has a bucket of its own.
    """

    def __init__(self, bounds: Sequence[float] = LATENCIES) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Counts one."""
        self.counts[bisect.bisect_left(self.bounds, value)] += 1
        self.sum += value


class Telemetry:
    """What a daemon did since it was started.

    Args:
        spans: Where spans go; by default nowhere.

    Attributes:
        decided: Requests by outcome.
        put_off: Attempts that ended with an error that passes, by SQLSTATE.
        obstacles: Attempts that led to no outcome, by what was in the way.
        found_by_poll: Requests found by polling though notifications are on.
        sweeps: Looks at the queue, by what caused them.
        notifications: Notifications heard on the channels of requests and watches.
        connected: How often each part got its connections.
        lost: How often each part lost them.
        pruned: Old rows removed, by table.
        policy_version: Of the policy that it decides by; None: it has read none yet.
        decision_seconds: From the submission of a request to its decision.
        apply_seconds: Of each batch: claimed, applied, recorded and committed.
        moved_at: When the server last answered the worker, on the clock of time.monotonic().
    """

    def __init__(self, spans: Spans = NO_SPANS) -> None:
        self.spans = spans
        self.decided: Counter[str] = Counter()
        self.put_off: Counter[str] = Counter()
        self.obstacles: Counter[str] = Counter()
        self.found_by_poll = 0
        self.sweeps: Counter[str] = Counter()
        self.notifications = 0
        self.connected: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.pruned: Counter[str] = Counter()
        self.policy_version: int | None = None
        self.decision_seconds = Histogram()
        self.apply_seconds = Histogram()
        self.moved_at = time.monotonic()

    def answered(self, result: str, sqlstate: str | None, submitted: float | None) -> None:
        """Counts what became of an attempt.

        Args:
            result: As `schemad.apply_batch()` says it.
            sqlstate: Of the error that it ended with.
            submitted: When the request was submitted, on the clock of time.monotonic(); None where its age says
                nothing of the daemon, as with one that waited for a person.
        """
        if result in OUTCOMES:
            self.decided[result] += 1
            if submitted is not None:
                self.decision_seconds.observe(time.monotonic() - submitted)
        elif result == "retry":
            self.put_off[sqlstate or ""] += 1
        elif result in OBSTACLES:
            self.obstacles[result] += 1

    @contextlib.contextmanager
    def applying(self, request_ids: Sequence[int]) -> Iterator[None]:
        """Measures the applying of a batch, whatever it ends with.

        Args:
            request_ids: The requests that are in it.
        """
        started = time.monotonic()
        try:
            with self.spans("apply", request_ids):
                yield
        finally:
            self.moved_at = time.monotonic()
            self.apply_seconds.observe(self.moved_at - started)

    def swept(self, cause: str) -> None:
        """Counts a look at the queue.

        Args:
            cause: One of CAUSES.
        """
        self.sweeps[cause] += 1
        self.moved_at = time.monotonic()
