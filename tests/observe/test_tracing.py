"""Spans tell what a daemon did with which requests, where they are wanted, to where OpenTelemetry is told to."""

import gzip
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from schemad.observe.telemetry import Telemetry
from schemad.observe.tracing import NO_SPANS
from schemad.store import Connection
from tests.cli.program import LOW_RISK, environment
from tests.support.daemons import PATIENCE, daemon_process
from tests.support.databases import Database
from tests.support.requests import decided, submit
from tests.support.servers import server_names

on_one_server = pytest.mark.parametrize("server", server_names()[-1:], indirect=True)


class Collector(HTTPServer):
    """Takes spans over OTLP."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.services: set[str] = set()
        self.spans: list[Any] = []

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        request: Any = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            named = {a.key: a.value.string_value for a in resource.resource.attributes}
            self.server.services.add(named["service.name"])
            for scope in resource.scope_spans:
                self.server.spans += scope.spans
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing: what it got is looked at."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def ids(span: Any) -> list[int]:
    """The ids of the requests that a span is about."""
    (found,) = [a.value.array_value.values for a in span.attributes if a.key == "schemad.request_ids"]
    return [value.int_value for value in found]


@on_one_server
async def test_a_request_leaves_a_span_of_its_decision_and_one_of_its_batch_within_a_drain(
    database: Database, app: Connection, collector: Collector
) -> None:
    async with daemon_process(
        database.dsn("daemon_login"), SCHEMAD_TRACING="on", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url
    ) as process:
        request = await submit(app, "thing", LOW_RISK)
        await decided(app, request)
        process.signal(signal.SIGTERM)
        assert await process.end() == 0
    assert collector.services == {"schemad"}
    by_name = {
        name: [s for s in collector.spans if s.name == f"schemad.{name}"] for name in ("drain", "decide", "apply")
    }
    (decide,) = by_name["decide"]
    (apply,) = by_name["apply"]
    assert (ids(decide), ids(apply)) == ([request], [request])
    drains = {span.span_id: span for span in by_name["drain"]}
    for span in (decide, apply):
        around = drains[span.parent_span_id]
        assert around.start_time_unix_nano <= span.start_time_unix_nano
        assert span.end_time_unix_nano <= around.end_time_unix_nano


@on_one_server
async def test_spans_are_made_from_the_reload_that_wants_them_to_the_one_that_does_not(
    database: Database, app: Connection, collector: Collector, tmp_path: Path
) -> None:
    env_file = tmp_path / "schemad.env"
    env_file.touch()
    traced = []
    async with daemon_process(
        database.dsn("daemon_login"), SCHEMAD_ENV_FILE=str(env_file), OTEL_EXPORTER_OTLP_ENDPOINT=collector.url
    ) as process:
        for number, tracing in enumerate(["off", "on", "off", "on"]):
            env_file.write_text(f"SCHEMAD_TRACING={tracing}\n", encoding="utf-8")
            process.signal(signal.SIGHUP)
            await process.event("settings.reloaded")
            request = await submit(app, f"thing_{number}", LOW_RISK)
            await process.event("request.applied")
            if tracing == "on":
                traced.append(request)
        process.signal(signal.SIGTERM)
        assert await process.end() == 0
    assert [ids(span) for span in collector.spans if span.name == "schemad.apply"] == [[i] for i in traced]


@on_one_server
async def test_a_collector_that_is_away_holds_up_neither_requests_nor_the_end(
    database: Database, app: Connection
) -> None:
    async with daemon_process(
        database.dsn("daemon_login"), SCHEMAD_TRACING="on", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9"
    ) as process:
        await decided(app, await submit(app, "thing", LOW_RISK))
        process.signal(signal.SIGTERM)
        assert await process.end() == 0
        # What sends them would try for longer.
        assert '"event": "tracing.unsent"' in "".join(process.lines)


def test_spans_that_can_t_be_made_end_the_daemon_in_words() -> None:
    code = "import sys; sys.modules['opentelemetry'] = None; from schemad.cli.app import main; main(['run'])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment("postgresql://127.0.0.1:9/none", SCHEMAD_TRACING="on"),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 1
    assert "pip install 'schemad[otel]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_where_no_spans_are_wanted_one_and_the_same_thing_stands_for_all() -> None:
    assert Telemetry().spans is NO_SPANS
    assert NO_SPANS("decide", [1]) is NO_SPANS("apply", [2])
