"""The catalog: every metric by name, kind and labels, with what it means. The reference page is made from it."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What may be computed from a metric."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: As it is scraped; of a histogram without `_bucket`, `_sum` and `_count`.
        kind: What may be computed from it.
        help: What it counts.
        labels: Names of its labels.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()


def _counter(name: str, help_text: str, *labels: str) -> Metric:
    return Metric(name, Kind.COUNTER, help_text, labels)


def _gauge(name: str, help_text: str, *labels: str) -> Metric:
    return Metric(name, Kind.GAUGE, help_text, labels)


def _histogram(name: str, help_text: str, *labels: str) -> Metric:
    return Metric(name, Kind.HISTOGRAM, help_text, labels)


DECIDED = _counter("schemad_requests_total", "Requests decided by this daemon: applied, held, failed.", "outcome")
DECISION_SECONDS = _histogram(
    "schemad_decision_seconds",
    "From the submission of a request to its decision, by the database's clock until it is read. Without those "
    "that were looked at before, such as approved ones.",
)
APPLY_SECONDS = _histogram(
    "schemad_apply_seconds",
    "Of each batch: claimed, applied, recorded and committed in one transaction.",
)
PUT_OFF = _counter(
    "schemad_retries_total",
    "Attempts that ended with an error that passes, such as a lock held by somebody (55P03), and are made again.",
    "sqlstate",
)
OBSTACLES = _counter(
    "schemad_obstacles_total",
    "Attempts that led to no outcome: unrecorded (the database does not take it) or undecided (a defect).",
    "obstacle",
)
FOUND_BY_POLL = _counter(
    "schemad_requests_found_by_poll_total",
    "Requests found by polling though notifications are on: their notification was lost.",
)
SWEEPS = _counter(
    "schemad_sweeps_total",
    "Looks at the queue, by cause: wakeup, due (known beforehand), watch (while or after one) or poll.",
    "cause",
)
NOTIFICATIONS = _counter("schemad_notifications_total", "Notifications heard by the listener, probes left out.")
CONNECTED = _counter("schemad_connects_total", "How often a part got its connections.", "part")
LOST = _counter("schemad_losses_total", "How often a part lost its connections, or could not get them.", "part")
PRUNED = _counter("schemad_rows_pruned_total", "Old rows removed by this daemon, by table.", "table")
POLICY_VERSION = _gauge("schemad_policy_version", "Version of the policy that requests were last decided by.")
LISTENER_STATE = _gauge(
    "schemad_listener_state",
    "1 for the state of the listener: listening, connecting, deaf (nothing comes: it polls) or off (by setting).",
    "state",
)
PROVEN_SECONDS = _gauge(
    "schemad_listener_proven_seconds", "Since notifications were last seen to come through; absent before."
)
WORKER_STATE = _gauge(
    "schemad_worker_state", "1 for the state of the worker: connecting, draining (it works) or waiting.", "state"
)
SILENT_SECONDS = _gauge("schemad_worker_silent_seconds", "Since the server last answered the worker.")
READY = _gauge("schemad_ready", "1 if /readyz would say so.")
QUEUE = _gauge(
    "schemad_queue_requests",
    "Requests that wait, of all daemons: due, put_off (for a further attempt, or that of an earlier one of the "
    "role for the table), review and failed (for a person). Counted up to 100,000.",
    "state",
)
OLDEST_SECONDS = _gauge(
    "schemad_queue_oldest_seconds", "Age of the oldest request that waits; 0 where there is none.", "state"
)
DAEMONS = _gauge("schemad_daemons", "Daemons connected to this database.")
NOTIFY_QUEUE = _gauge(
    "schemad_notify_queue_usage_ratio",
    "How full the server's queue of notifications is, from 0 to 1. At 1 every NOTIFY of the server fails.",
)
DATABASE_UP = _gauge("schemad_database_up", "1 if the database answered; else the queue's metrics are absent.")
BUILD = _gauge("schemad_build_info", "Always 1; what runs is in the labels.", "version", "python")

CATALOG = (
    DECIDED,
    DECISION_SECONDS,
    APPLY_SECONDS,
    PUT_OFF,
    OBSTACLES,
    FOUND_BY_POLL,
    SWEEPS,
    NOTIFICATIONS,
    CONNECTED,
    LOST,
    PRUNED,
    POLICY_VERSION,
    LISTENER_STATE,
    PROVEN_SECONDS,
    WORKER_STATE,
    SILENT_SECONDS,
    READY,
    QUEUE,
    OLDEST_SECONDS,
    DAEMONS,
    NOTIFY_QUEUE,
    DATABASE_UP,
    BUILD,
)

# What prometheus-client tells of a process on Linux.
PROCESS = (
    _counter("process_cpu_seconds_total", "CPU time, user and system."),
    _gauge("process_resident_memory_bytes", "Memory in use."),
    _gauge("process_virtual_memory_bytes", "Memory reserved."),
    _gauge("process_start_time_seconds", "When it was started, as seconds since 1970."),
    _gauge("process_open_fds", "Open file descriptors."),
    _gauge("process_max_fds", "How many it may open."),
)
