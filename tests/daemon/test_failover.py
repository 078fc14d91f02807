"""A standby is not worked on, and the one that is promoted is found: several hosts in one DSN."""

import json
from collections.abc import Iterator

import pytest

from schemad.embedded import EmbeddedPostgres
from schemad.store import Connection, connect
from tests.cli.program import EXIT_REVIEW, LOW_RISK, schemad_beside
from tests.support.daemons import DaemonProcess, running_daemon, starting_daemon
from tests.support.databases import Database, fields
from tests.support.http import scrape
from tests.support.logs import logged
from tests.support.own_servers import NO_SERVERS, NO_SERVERS_REASON, new_database, own_server, standby_of
from tests.support.requests import ask, assert_all_or_nothing, submit, until

pytestmark = pytest.mark.skipif(NO_SERVERS, reason=NO_SERVERS_REASON)


@pytest.fixture
def primary() -> Iterator[EmbeddedPostgres]:
    with own_server() as running:
        yield running


@pytest.fixture
def database_of_both(primary: EmbeddedPostgres) -> Database:
    return new_database(primary)


@pytest.fixture
def standby(primary: EmbeddedPostgres, database_of_both: Database) -> Iterator[EmbeddedPostgres]:
    with standby_of(primary) as running:
        yield running


async def promote(server: EmbeddedPostgres) -> None:
    admin = await connect(server.dsn(), job="test")
    try:
        assert await admin.fetchval("SELECT pg_promote()") is True
    finally:
        admin.terminate()


async def replayed(primary: Connection) -> None:
    """Waits until the standby has all that the primary has."""
    await until(primary, "(SELECT replay_lsn >= pg_current_wal_lsn() FROM pg_stat_replication)")


def dsn_of(*servers: EmbeddedPostgres, database: Database) -> str:
    hosts = ",".join(f"127.0.0.1:{server.port}" for server in servers)
    return f"postgresql://daemon_login@{hosts}/{database.name}"


async def test_after_a_failover_the_daemon_serves_on_the_new_primary(
    primary: EmbeddedPostgres, standby: EmbeddedPostgres, database_of_both: Database
) -> None:
    both = dsn_of(primary, standby, database=database_of_both)
    on_standby = standby.dsn(database_of_both.name, "app_one")
    with logged() as lines:
        # It does not poll: only a notification or the new link can be what lets it look.
        async with running_daemon(both):
            async with database_of_both.connection("app_one") as app:
                assert (await ask(app, "before", fields("a")))["status"] == "approved"
            async with database_of_both.connection() as admin:
                await replayed(admin)
            primary.kill()
            # As long as there is a standby only, it waits.
            await lines.next("worker.lost")
            await lines.next("listener.lost")
            await promote(standby)
            app = await connect(on_standby, job="test")
            try:
                assert (await ask(app, "after", fields("a")))["status"] == "approved"
            finally:
                app.terminate()
    admin = await connect(standby.dsn(database_of_both.name), job="test")
    try:
        assert await assert_all_or_nothing(admin) == 2
    finally:
        admin.terminate()


async def test_of_several_hosts_the_one_that_takes_writes_is_worked_on_and_told_of(
    primary: EmbeddedPostgres, standby: EmbeddedPostgres, database_of_both: Database
) -> None:
    both = dsn_of(standby, primary, database=database_of_both)
    async with (
        running_daemon(both, metrics_addr="127.0.0.1:0") as daemon,
        database_of_both.connection("app_one") as app,
    ):
        assert (await ask(app, "notes", fields("a")))["status"] == "approved"
        # A standby shows none: its sessions are its own.
        assert (await scrape(daemon))["schemad_daemons"] == 1


async def test_of_several_hosts_a_person_is_led_to_the_one_that_takes_writes_and_else_to_any(
    primary: EmbeddedPostgres, standby: EmbeddedPostgres, database_of_both: Database
) -> None:
    both = dsn_of(standby, primary, database=database_of_both)
    doctor = await schemad_beside("doctor", dsn=both)
    assert doctor.out.startswith("ok    server: PostgreSQL")
    assert "ok    way to the server: " in doctor.out
    assert "ok    notifications: come through" in doctor.out
    as_app = both.replace("daemon_login", "app_one")
    payload = json.dumps(LOW_RISK)
    submitted = await schemad_beside("submit", "-", "--name", "notes", "--timeout", 0, dsn=as_app, stdin=payload)
    assert submitted.code == EXIT_REVIEW
    async with database_of_both.connection() as admin:
        await replayed(admin)
    primary.kill()
    for hosts in (as_app, dsn_of(standby, database=database_of_both).replace("daemon_login", "app_one")):
        listed = await schemad_beside("list", "--json", dsn=hosts)
        assert [request["schema_name"] for request in listed.json] == ["notes"]


async def test_a_daemon_refuses_to_start_on_a_standby_and_says_what_would_do(
    standby: EmbeddedPostgres, database_of_both: Database
) -> None:
    process = await DaemonProcess.start(dsn_of(standby, database=database_of_both))
    assert await process.end() == 1
    said = "".join(process.lines)
    assert said.startswith("schemad: can't connect to PostgreSQL: no host takes writes")
    assert "name all hosts" in said


async def test_a_listener_that_gets_to_a_standby_all_the_same_says_that_it_is_lost_and_requests_are_polled(
    primary: EmbeddedPostgres, standby: EmbeddedPostgres, database_of_both: Database
) -> None:
    there = f"{dsn_of(standby, database=database_of_both)}?target_session_attrs=any"
    worked_on = dsn_of(primary, database=database_of_both)
    async with database_of_both.connection("app_one") as app:
        with logged() as lines:
            async with starting_daemon(worked_on, listen_dsn=there, poll_interval=0.05):
                assert (await ask(app, "polled", fields("a")))["status"] == "approved"
                assert "recovery" in (await lines.next("listener.lost"))["error"]


async def test_a_standby_tells_how_requests_stand(
    primary: EmbeddedPostgres, standby: EmbeddedPostgres, database_of_both: Database
) -> None:
    app = await connect(database_of_both.dsn("app_one"), job="test")
    admin = await connect(primary.dsn(), job="test")
    there = await connect(standby.dsn(database_of_both.name, "app_one"), job="test")
    try:
        request_id = await submit(app, "notes", fields("a"))
        await app.execute("SELECT schemad.cancel_request($1)", request_id)
        await replayed(admin)
        for look in ("wait_for_request($1)", "list_requests() WHERE id = $1", "schema_requests WHERE id = $1"):
            assert await there.fetchval(f"SELECT status::text FROM schemad.{look}", request_id) == "cancelled"
    finally:
        for connection in (app, admin, there):
            connection.terminate()
