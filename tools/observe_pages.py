"""The pages of what a daemon tells of itself: its metrics, and the lines of its log."""

from collections.abc import Iterable

from schemad.observe.catalog import CATALOG, PROCESS, Kind, Metric
from schemad.observe.events import EVENTS, Event
from schemad.observe.telemetry import LATENCIES
from tools.markdown import DIRECTORY, head, read, table, with_part

_METRICS_INTRO = """\
`/metrics` has these where [`SCHEMAD_METRICS_ADDR`](settings.md) is set; [monitor](../how-to/monitor.md) tells
how to use them.
Names and labels are stable.
Durations are in seconds.
"""
_OF_DAEMON = """\
## Of the daemon

Counted since it was started, by each daemon for itself.
"""
_OF_QUEUE = """\
## Of the queue

Read from the database at each scrape, so every daemon of a database says the same: take `max`, not `sum`.
While nobody scrapes, nothing is read.
"""
_OF_PROCESS = """\
## Of the process

On Linux.
"""
# What is read from the database rather than counted.
_QUEUE_NAMES = {
    "schemad_queue_requests",
    "schemad_queue_oldest_seconds",
    "schemad_daemons",
    "schemad_notify_queue_usage_ratio",
    "schemad_database_up",
}


def metrics_page() -> str:
    """Every metric: its kind, labels, and what it counts."""
    of_daemon = [metric for metric in CATALOG if metric.name not in _QUEUE_NAMES]
    of_queue = [metric for metric in CATALOG if metric.name in _QUEUE_NAMES]
    buckets = ", ".join(f"{bound:g}" for bound in LATENCIES)
    histograms = [f"`{metric.name}`" for metric in CATALOG if metric.kind is Kind.HISTOGRAM]
    return "\n".join(
        [
            head("Metrics"),
            _METRICS_INTRO,
            _OF_DAEMON,
            _metrics(of_daemon),
            f"\nThe buckets of {' and '.join(histograms)} end at {buckets} seconds.\n",
            _OF_QUEUE,
            _metrics(of_queue),
            "",
            _OF_PROCESS,
            _metrics(PROCESS),
            "",
        ]
    )


def events_page() -> str:
    """The page on events, with every line of the log."""
    rows = (_event_row(event) for event in EVENTS)
    events = table(("event", "level", "further fields", "when"), rows)
    return with_part(read(DIRECTORY / "events.md"), "events", events)


def _metrics(metrics: Iterable[Metric]) -> str:
    return table(
        ("metric", "kind", "labels", "what it is"),
        ((f"`{m.name}`", m.kind.value, ", ".join(f"`{label}`" for label in m.labels), m.help) for m in metrics),
    )


def _event_row(event: Event) -> tuple[str, str, str, str]:
    # The exception is an argument of the logger; lines have its text.
    fields = ", ".join(f"`{'exception' if name == 'exc_info' else name}`" for name in event.fields)
    return f"`{event.name}`", ", then ".join(event.levels), fields, event.when
