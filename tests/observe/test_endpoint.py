"""A daemon tells over HTTP what it did and how it is, where an address is set; while idle, it costs nothing."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from schemad.daemon import Daemon
from schemad.observe.catalog import CATALOG, PROCESS
from schemad.store import Connection
from tests.cli.program import EXIT_BAD_INPUT, EXIT_FAILED, FOR_REVIEW, LOW_RISK, schemad_beside
from tests.support.daemons import PATIENCE, running_daemon
from tests.support.databases import Database
from tests.support.http import get, scrape, scrape_until
from tests.support.proxy import running_proxy
from tests.support.requests import decided, submit

ANY_PORT = "127.0.0.1:0"


@pytest.fixture
async def told(database: Database) -> AsyncIterator[Daemon]:
    """A daemon that tells."""
    async with running_daemon(database.dsn("daemon_login"), metrics_addr=ANY_PORT) as running:
        yield running


async def monitors(admin: Connection) -> int:
    """How many sessions there are that a daemon was asked through."""
    count: int = await admin.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND application_name = 'schemad monitor'"
    )
    return count


async def test_what_is_scraped_is_the_catalog_and_nothing_else(told: Daemon, app: Connection) -> None:
    await decided(app, await submit(app, "thing", LOW_RISK))
    await scrape_until(told, applied=1)
    answer = await get(told, "/metrics")
    families = {family.name: family for family in text_string_to_metric_families(answer.body.decode())}
    assert families.keys() == {metric.name.removesuffix("_total") for metric in (*CATALOG, *PROCESS)}
    for metric in CATALOG:
        family = families[metric.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (metric.kind.value, metric.help)
        labels = {frozenset(s.labels) - {"le"} for s in family.samples}
        # Of what has not happened yet there are no samples.
        assert labels in ({frozenset(metric.labels)}, set())


async def test_each_outcome_is_counted_with_how_long_it_took(
    told: Daemon, app: Connection, database: Database
) -> None:
    before = await scrape(told)
    for outcome in ("applied", "held", "failed"):
        assert before[f'schemad_requests_total{{outcome="{outcome}"}}'] == 0
    await decided(app, await submit(app, "thing", LOW_RISK))
    await decided(app, await submit(app, "odd", FOR_REVIEW))
    after = await scrape_until(told, applied=1, held=1)
    assert after['schemad_requests_total{outcome="applied"}'] == 1
    assert after['schemad_requests_total{outcome="held"}'] == 1
    assert after["schemad_decision_seconds_count"] == 2
    assert after['schemad_decision_seconds_bucket{le="+Inf"}'] == 2
    assert 0 < after["schemad_decision_seconds_sum"] < PATIENCE
    assert after["schemad_apply_seconds_count"] >= 2
    assert after['schemad_sweeps_total{cause="wakeup"}'] >= 1
    assert after["schemad_notifications_total"] >= 1
    assert after["schemad_policy_version"] >= 1
    assert after['schemad_connects_total{part="worker"}'] == 1
    assert after["schemad_requests_found_by_poll_total"] == 0
    assert after["process_resident_memory_bytes"] > 10_000_000


async def test_a_request_that_waited_for_a_person_says_nothing_of_how_long_a_daemon_takes(
    told: Daemon, app: Connection, dba: Connection
) -> None:
    request = await submit(app, "odd", FOR_REVIEW)
    await decided(app, request)
    await dba.execute("SELECT schemad.approve_request($1, 'fine')", request)
    assert (await decided(app, request))["status"] == "approved"
    after = await scrape_until(told, applied=1, held=1)
    assert after['schemad_requests_total{outcome="applied"}'] == 1
    assert after["schemad_decision_seconds_count"] == 1


async def test_what_a_lock_puts_off_is_counted_by_its_sqlstate(
    told: Daemon, app: Connection, admin: Connection
) -> None:
    await decided(app, await submit(app, "thing", LOW_RISK))
    async with admin.transaction():
        await admin.execute("LOCK TABLE public.thing IN ACCESS EXCLUSIVE MODE")
        more = {"fields": [{"name": "a", "type": "text"}, {"name": "b", "type": "text"}]}
        request = await submit(app, "thing", more)
        async with asyncio.timeout(PATIENCE):
            while not (await scrape(told)).get('schemad_retries_total{sqlstate="55P03"}'):
                pass
        state = await scrape(told)
        assert state['schemad_queue_requests{state="put_off"}'] + state['schemad_queue_requests{state="due"}'] == 1
    assert (await decided(app, request))["status"] == "approved"


async def test_what_waits_is_told_by_state_with_the_age_of_the_oldest(
    database: Database, app: Connection, admin: Connection
) -> None:
    await submit(app, "odd", FOR_REVIEW)
    await admin.execute("ALTER TABLE schemad.schema_requests DISABLE TRIGGER USER")
    await admin.execute("UPDATE schemad.schema_requests SET created_at = now() - interval '1 hour'")
    await admin.execute("ALTER TABLE schemad.schema_requests ENABLE TRIGGER USER")
    async with running_daemon(database.dsn("daemon_login"), metrics_addr=ANY_PORT) as told:
        after = await scrape(told)
    assert after['schemad_queue_requests{state="review"}'] == 1
    assert after['schemad_queue_requests{state="due"}'] == 0
    assert 3600 <= after['schemad_queue_oldest_seconds{state="review"}'] < 3600 + PATIENCE
    assert after['schemad_queue_oldest_seconds{state="due"}'] == 0
    assert after["schemad_daemons"] == 1
    assert 0 <= after["schemad_notify_queue_usage_ratio"] < 1


async def test_a_lost_session_is_counted_and_so_is_the_next_one(told: Daemon, admin: Connection) -> None:
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = 'schemad listener'"
    )
    async with asyncio.timeout(PATIENCE):
        while (after := await scrape(told))['schemad_connects_total{part="listener"}'] < 2:
            pass
    assert after['schemad_losses_total{part="listener"}'] >= 1
    assert after['schemad_listener_state{state="listening"}'] == 1
    assert after['schemad_listener_state{state="connecting"}'] == 0


async def test_nothing_is_asked_of_the_database_while_nobody_asks_the_daemon(
    told: Daemon, admin: Connection
) -> None:
    assert await monitors(admin) == 0
    assert (await get(told, "/healthz")).status == 200
    assert await monitors(admin) == 0
    await asyncio.gather(*(get(told, page) for page in ("/metrics", "/readyz") for _ in range(8)))
    assert await monitors(admin) == 1


async def test_a_scraper_that_reads_openmetrics_gets_it(told: Daemon) -> None:
    answer = await get(told, "/metrics", accept="application/openmetrics-text; version=1.0.0")
    assert "Content-Type: application/openmetrics-text" in answer.head
    assert answer.body.endswith(b"# EOF\n")


async def test_a_daemon_that_listens_and_has_drained_is_alive_and_ready(told: Daemon) -> None:
    for page in ("/healthz", "/readyz"):
        answer = await get(told, page)
        assert (answer.status, answer.json["status"], answer.json["reasons"]) == (200, "ok", [])
        assert answer.json["listener"]["state"] == "listening"
        assert answer.json["worker"]["drained"] is True
    assert (await scrape(told))["schemad_ready"] == 1


async def test_a_daemon_that_only_polls_is_ready(database: Database) -> None:
    async with running_daemon(database.dsn("daemon_login"), metrics_addr=ANY_PORT, listen=False) as told:
        answer = await get(told, "/readyz")
        assert (answer.status, answer.json["listener"]["state"]) == (200, "off")


async def test_a_daemon_whose_database_falls_silent_is_alive_and_not_ready_and_says_why(
    database: Database,
) -> None:
    limits = {"probe_interval": 0.1, "probe_timeout": 0.2, "connect_timeout": 4.0}
    async with (
        running_proxy(database.dsn("daemon_login")) as proxy,
        running_daemon(proxy.dsn, metrics_addr=ANY_PORT, **limits) as told,
    ):
        await until_ready(told)
        proxy.silence()
        async with asyncio.timeout(PATIENCE):
            while len((answer := await get(told, "/readyz")).json["reasons"]) < 3:
                pass
        assert answer.status == 503
        assert answer.json["reasons"] == [
            "the listener has no connection on which notifications come through",
            "the worker has no connection",
            "the database does not answer: no answer within 0.2 s",
        ]
        assert (await get(told, "/healthz")).status == 200
        after = await scrape(told)
        assert after["schemad_database_up"] == 0
        assert after["schemad_ready"] == 0
        assert 'schemad_queue_requests{state="due"}' not in after
        proxy.heal()
        await until_ready(told)


async def until_ready(told: Daemon) -> None:
    """Waits until it is: a question that took longer than the test has it wait is asked again."""
    async with asyncio.timeout(PATIENCE):
        while (await get(told, "/readyz")).status != 200:
            pass


async def test_a_reload_moves_the_pages_to_where_they_are_to_be(told: Daemon) -> None:
    first = told.endpoint.server
    assert first is not None
    settings = told.endpoint.settings
    settings.metrics_addr = "localhost:0"
    await told.endpoint.reconfigure()
    assert (await get(told, "/healthz")).status == 200
    with pytest.raises(ConnectionError):
        await asyncio.open_connection(first.address.host, first.address.port)


@pytest.mark.parametrize("server", ["pg18"], indirect=True)
async def test_a_port_that_is_taken_ends_the_daemon_in_words(database: Database) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = await schemad_beside("run", dsn=database.dsn("daemon_login"), SCHEMAD_METRICS_ADDR=str(port))
    assert run.code == EXIT_FAILED
    assert f"can't serve metrics on 127.0.0.1:{port}: another program listens there" in run.err


async def test_an_address_that_is_none_ends_the_daemon_before_it_starts() -> None:
    run = await schemad_beside("run", SCHEMAD_METRICS_ADDR="everywhere")
    assert run.code == EXIT_BAD_INPUT
    assert "SCHEMAD_METRICS_ADDR=everywhere: " in run.err
    assert "'everywhere' is no address: write 127.0.0.1:9187" in run.err


def test_a_daemon_that_tells_nothing_does_not_even_import_what_it_would_tell_it_with() -> None:
    code = "import sys, json, schemad.cli.app as app; app.program('run'); print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=os.environ)
    modules = set(json.loads(done.stdout))
    assert "schemad.daemon.endpoint" in modules
    assert not {name for name in modules if name.split(".")[0] in {"prometheus_client", "opentelemetry"}}
