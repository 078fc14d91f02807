"""Tracing: OpenTelemetry spans of what the daemon does with which requests, where that is wanted and installed.

Without it a span is one shared context manager that does nothing. Where spans go is said by OpenTelemetry's own
variables, such as OTEL_EXPORTER_OTLP_ENDPOINT; a provider that is there already, such as
`opentelemetry-instrument`'s, is used as it is.
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from schemad import __version__

if TYPE_CHECKING:
    from opentelemetry.util.types import Attributes

# Of an operation and the ids of the requests that it is about, a context manager that is the span.
Spans = Callable[[str, Sequence[int]], AbstractContextManager[object]]

_NO_SPAN = contextlib.nullcontext()
# A backend has limits for what a span may say.
MOST_IDS = 128
# Seconds for the last ones, when the process is to end.
SEND_WITHIN = 3.0


class TracingUnavailable(Exception):
    """Spans are wanted, and what makes them is not installed."""


def no_spans(_operation: str, _request_ids: Sequence[int]) -> AbstractContextManager[object]:
    """What stands for a span where none are wanted."""
    return _NO_SPAN


NO_SPANS: Spans = no_spans


class HasSpans(Protocol):
    """Whoever makes spans."""

    spans: Spans


def open_spans(telemetry: HasSpans) -> Callable[[], None]:
    """Sets OpenTelemetry up.

    Args:
        telemetry: Given what makes spans.

    Returns:
        What sends the last ones, before the process ends; where nobody takes them, that takes its time.

    Raises:
        TracingUnavailable: It is not installed; the message says how to.
    """
    try:
        from opentelemetry import trace  # noqa: PLC0415 - an extra, which few have
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise TracingUnavailable(
            f"SCHEMAD_TRACING is on, and OpenTelemetry is not installed ({error}): pip install 'schemad[otel]'"
        ) from error

    def finish() -> None:
        """Whoever made the provider ends it."""

    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        is_named = "OTEL_SERVICE_NAME" in os.environ or SERVICE_NAME in os.environ.get(
            "OTEL_RESOURCE_ATTRIBUTES", ""
        )
        provider = TracerProvider(
            resource=Resource.create({} if is_named else {SERVICE_NAME: "schemad"}),
            shutdown_on_exit=False,  # by end(), which knows when to give up
        )
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        trace.set_tracer_provider(provider)

        def finish() -> None:
            provider.force_flush()
            provider.shutdown()

    tracer = trace.get_tracer("schemad", __version__)

    def span(operation: str, request_ids: Sequence[int]) -> AbstractContextManager[object]:
        attributes: Attributes = {
            "schemad.requests": len(request_ids),
            "schemad.request_ids": list(request_ids[:MOST_IDS]),
        }
        return tracer.start_as_current_span(f"schemad.{operation}", attributes=attributes)

    telemetry.spans = span
    return finish


class Tracing:
    """Has spans made as long as they are wanted.

    Args:
        telemetry: Given what makes spans.
    """

    def __init__(self, telemetry: HasSpans) -> None:
        self._telemetry = telemetry
        self._finish: Callable[[], None] | None = None

    def follow(self, *, wanted: bool) -> None:
        """Begins to have them made, or no longer has.

        Raises:
            TracingUnavailable: They are wanted, and what makes them is not installed.
        """
        if not wanted:
            self._telemetry.spans = NO_SPANS
        elif self._telemetry.spans is NO_SPANS:
            finish = open_spans(self._telemetry)
            # The provider is the first one, for the process: where they are wanted once more, it is there already.
            self._finish = self._finish or finish

    async def end(self) -> bool:
        """Sends the last ones, for SEND_WITHIN seconds at most; False where it would have gone on trying."""
        if self._finish is None:
            return True
        # What sends them heeds no limit, not the one that force_flush() is given either: a thread that the process
        # does not wait for.
        sending = threading.Thread(target=self._finish, name="last spans", daemon=True)
        sending.start()
        await asyncio.to_thread(sending.join, SEND_WITHIN)
        return not sending.is_alive()
