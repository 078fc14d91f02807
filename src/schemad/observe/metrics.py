"""Metrics: what the telemetry has counted and the parts say of themselves, as Prometheus reads it.

Only imported where metrics are served: prometheus-client takes memory of its own.
"""

import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family

from schemad import __version__
from schemad.observe import catalog, telemetry
from schemad.observe.catalog import Kind, Metric
from schemad.observe.health import ListenerState, Report, WorkerState
from schemad.observe.telemetry import Histogram, Telemetry
from schemad.store.queue_state import QueueState


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that is known at one moment.

    Attributes:
        telemetry: What was counted.
        readiness: Whether the daemon is ready, with what its parts say.
        queue: The state of the queue; None: the database does not answer.
    """

    telemetry: Telemetry
    readiness: Report
    queue: QueueState | None


class Metrics:
    """Writes snapshots in the form that a scraper asks for."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        self._snapshot: Snapshot | None = None

    def write(self, snapshot: Snapshot, accept: str) -> tuple[bytes, str]:
        """The text of a scrape, and its content type.

        Args:
            snapshot: What to tell.
            accept: The scraper's Accept header.
        """
        encode, content_type = choose_encoder(accept)
        self._snapshot = snapshot
        try:
            return encode(self._registry), content_type
        finally:
            self._snapshot = None

    def collect(self) -> Iterator[Family]:
        """Called by the registry for each scrape."""
        if self._snapshot is None:
            return
        yield from _counted(self._snapshot.telemetry)
        yield from _of_parts(self._snapshot)
        if self._snapshot.queue is not None:
            yield from _of_queue(self._snapshot.queue)
        yield _family(catalog.DATABASE_UP, {(): self._snapshot.queue is not None})
        yield _family(catalog.BUILD, {(__version__, platform.python_version()): 1})


def _counted(counted: Telemetry) -> Iterator[Family]:
    yield _by(catalog.DECIDED, counted.decided, telemetry.OUTCOMES)
    yield _histogram(catalog.DECISION_SECONDS, counted.decision_seconds)
    yield _histogram(catalog.APPLY_SECONDS, counted.apply_seconds)
    yield _by(catalog.PUT_OFF, counted.put_off)
    yield _by(catalog.OBSTACLES, counted.obstacles, telemetry.OBSTACLES)
    yield _family(catalog.FOUND_BY_POLL, {(): counted.found_by_poll})
    yield _by(catalog.SWEEPS, counted.sweeps, telemetry.CAUSES)
    yield _family(catalog.NOTIFICATIONS, {(): counted.notifications})
    yield _by(catalog.CONNECTED, counted.connected, telemetry.PARTS)
    yield _by(catalog.LOST, counted.lost, telemetry.PARTS)
    yield _by(catalog.PRUNED, counted.pruned, telemetry.PRUNED)
    if counted.policy_version is not None:
        yield _family(catalog.POLICY_VERSION, {(): counted.policy_version})


def _of_parts(snapshot: Snapshot) -> Iterator[Family]:
    vitals = snapshot.readiness.vitals
    yield _family(catalog.LISTENER_STATE, {(state.value,): state is vitals.listener for state in ListenerState})
    if vitals.proven_seconds is not None:
        yield _family(catalog.PROVEN_SECONDS, {(): vitals.proven_seconds})
    yield _family(catalog.WORKER_STATE, {(state.value,): state is vitals.worker for state in WorkerState})
    yield _family(catalog.SILENT_SECONDS, {(): vitals.silent_seconds})
    yield _family(catalog.READY, {(): snapshot.readiness.is_fine})


def _of_queue(queue: QueueState) -> Iterator[Family]:
    yield _by(catalog.QUEUE, queue.waiting)
    yield _by(catalog.OLDEST_SECONDS, queue.oldest_seconds)
    yield _family(catalog.DAEMONS, {(): queue.daemons})
    yield _family(catalog.NOTIFY_QUEUE, {(): queue.notify_queue_usage})


def _by(metric: Metric, values: Mapping[str, float], known: Iterable[str] = ()) -> Family:
    """A metric with one label; values that are known to come start at 0, so that their first increase is seen."""
    return _family(metric, {(label,): 0 for label in known} | {(label,): n for label, n in values.items()})


def _family(metric: Metric, values: Mapping[tuple[str, ...], float]) -> Family:
    make = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family = make(metric.name, metric.help, labels=metric.labels)
    for labels, value in values.items():
        family.add_metric(labels, float(value))
    return family


def _histogram(metric: Metric, histogram: Histogram) -> Family:
    family = HistogramMetricFamily(metric.name, metric.help)
    bounds = [*(str(bound) for bound in histogram.bounds), "+Inf"]
    family.add_metric([], list(zip(bounds, accumulate(histogram.counts), strict=True)), histogram.sum)
    return family
