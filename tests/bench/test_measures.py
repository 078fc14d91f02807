"""Each measure, at the smallest sizes: it reports what it promises, and leaves nothing on the server."""

from pathlib import Path

import pytest

from schemad.bench.bench import Bench, Sizes
from schemad.bench.contenders import schemad
from schemad.bench.databases import PREFIX, databases_on, session
from schemad.bench.failure import BenchFailed
from schemad.bench.load import require_applied, submit_backlog
from schemad.bench.run import Measure, run
from schemad.bench.table import PAYLOAD
from tests.support.databases import Database
from tests.support.servers import Server, server_names

pytestmark = [
    pytest.mark.parametrize("server", server_names()[-1:], indirect=True, scope="session"),
    pytest.mark.xdist_group("bench"),
]

TINY = Sizes(
    repetitions=1,
    samples=4,
    tables=3,
    inserts=2,
    bulk=20,
    growth=(1, 2),
    old_requests=10,
    arrivals=1,
    burst=2,
    recoveries=1,
    window=0.2,
    settle=0.0,
    pool=(1, 2),
)
# What each tells, without what depends on sizes, and what stands beside it.
TOLD = {
    Measure.LATENCY: {
        (what, against)
        for what in ("p50", "p95", "p99", "slowest of 4")
        for against in ("smallest daemon", "naive daemon")
    },
    Measure.BACKLOG: {
        ("3, 1 side by side", "raw, 25 a transaction, 1 side by side"),
        ("3, 2 side by side", "raw, 25 a transaction, 2 side by side"),
        ("3, 2 side by side", "naive daemon"),
        ("one in 50 poisoned", "none poisoned"),
    },
    Measure.INSERTS: {
        (what, against)
        for what in (
            "1 session, daemon idle",
            "1 session, daemon busy",
            "8 sessions, daemon idle",
            "8 sessions, daemon busy",
            "one insert of 20",
        )
        for against in ("without NOTIFY", "without triggers")
    }
    | {("one insert of 20", "one wake-up")},
    Measure.GROWTH: {
        (f"{what}: {kind}", "1 tables")
        for what in ("1 tables", "2 tables", "10 old requests")
        for kind in ("single, p50", "2 at once", "raw CREATE TABLE")
    },
    Measure.RECOVERY: {("listener killed → next request decided", "open, listen, hear; a request")},
    Measure.IDLE: {(what, "smallest daemon") for what in ("CPU", "memory", "transactions")}
    | {("memory", "asyncpg alone")},
    Measure.POOL: {
        ("1 daemon", "raw, 1 connection"),
        ("2 daemons", "raw, 2 connections"),
        ("2 daemons", "1 daemon"),
    },
}


async def left_behind(server: Server) -> list[str]:
    """Databases of the bench's that are there."""
    async with session(server.admin_dsn) as connection:
        rows = await connection.fetch("SELECT datname FROM pg_database WHERE starts_with(datname, $1)", PREFIX)
    return [row["datname"] for row in rows]


@pytest.mark.parametrize("measure", Measure)
async def test_a_measure_tells_each_figure_beside_its_floor_and_cleans_up(
    server: Server, measure: Measure
) -> None:
    report = await run(server.admin_dsn, measures=[measure], sizes=TINY)
    assert {(f.first.what, f.first.against) for f in report.figures} == TOLD[measure]
    for figure in report.figures:
        assert figure.first.measure == measure
        if measure is not Measure.IDLE:  # in a moment it may take nothing
            assert figure.measured > 0
            assert figure.ratio == pytest.approx(figure.measured / (figure.floor or 0))
    assert {contender: len(times) for contender, times in report.distributions.items()} == (
        {"schemad": 4, "smallest daemon": 4, "naive daemon": 4} if measure is Measure.LATENCY else {}
    )
    # However many requests one statement brings, one notification wakes the daemons.
    told = [(f.measured, f.floor) for f in report.figures if f.first.unit == "notifications"]
    assert told == ([(1, 1)] if measure is Measure.INSERTS else [])
    assert report.machine["server"]["server_version"]
    assert await left_behind(server) == []


async def test_a_daemon_of_the_bench_has_the_settings_of_the_environment_but_for_those_that_are_of_one_daemon_only(
    server: Server, database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    env_file = tmp_path / "schemad.env"
    env_file.write_text(
        "SCHEMAD_BATCH_SIZE=7\nSCHEMAD_LISTEN_DSN=postgresql://127.0.0.1:1/x\nSCHEMAD_METRICS_ADDR=none.invalid:0\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("SCHEMAD_ENV_FILE", str(env_file))
    async with schemad(database.dsn()) as one, schemad(database.dsn()) as other:
        for contender in (one, other):
            assert '"listener.connected"' in contender.last_words
            assert "http." not in contender.last_words
    async with databases_on(server.admin_dsn, lasting=True) as databases:
        assert Bench(databases, TINY).settings.batch_size == 7


async def test_requests_that_were_not_applied_as_they_should_end_the_run_and_clean_up(server: Server) -> None:
    async def failing_run() -> None:
        async with (
            databases_on(server.admin_dsn, lasting=True) as databases,
            session(await databases.new()) as connection,
        ):
            await submit_backlog(connection, "undecided", 2)
            assert len(await left_behind(server)) == 1
            await require_applied(connection, "undecided", 2)

    with pytest.raises(BenchFailed, match=r"'applied': 2.*found.*'others': 2"):
        await failing_run()
    assert await left_behind(server) == []


async def test_a_request_that_was_applied_twice_ends_the_run(server: Server, database: Database) -> None:
    async with database.connection() as connection:
        await submit_backlog(connection, "twice", 1, poisoned=PAYLOAD)
        await connection.execute("UPDATE schemad.schema_requests SET status = 'approved', processed_at = now()")
        record = "INSERT INTO schemad.schema_changes_audit (request_id) SELECT id FROM schemad.schema_requests"
        await connection.execute(record)
        await require_applied(connection, "twice", 1)
        await connection.execute(record)
        with pytest.raises(BenchFailed, match="'again': 1"):
            await require_applied(connection, "twice", 1)
