"""A server that is short of something, or away: nothing is lost, nothing is counted, and little is said."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from schemad.embedded import EmbeddedPostgres
from schemad.store import Connection
from tests.support.daemons import PATIENCE, running_daemon
from tests.support.databases import Database, fields
from tests.support.fast_loop import FastLoop
from tests.support.logs import logged
from tests.support.own_servers import NO_SERVERS, NO_SERVERS_REASON, new_database, own_server, small_disk
from tests.support.requests import ask, assert_all_or_nothing, decided, submit, submit_many, until

HOUR = 3600.0
needs_servers = pytest.mark.skipif(NO_SERVERS, reason=NO_SERVERS_REASON)


@contextlib.asynccontextmanager
async def sessions(database: Database) -> AsyncIterator[tuple[Connection, Connection]]:
    """A superuser's and an application's."""
    async with database.connection() as admin, database.connection("app_one") as app:
        yield admin, app


async def end_the_daemon_s(admin: Connection) -> None:
    """Ends its sessions, as an administrator does."""
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND usename = 'daemon_login'"
    )


@needs_servers
@pytest.mark.slow
def test_an_hour_s_outage_costs_few_lines_and_little_time() -> None:
    with own_server() as server:
        database = new_database(server)
        with asyncio.Runner(loop_factory=FastLoop) as runner:
            loop = runner.get_loop()
            assert isinstance(loop, FastLoop)
            runner.run(_hour_away(loop, server, database))


async def _hour_away(loop: FastLoop, server: EmbeddedPostgres, database: Database) -> None:
    with logged() as lines:
        # As it is by default, but for what it creates.
        async with running_daemon(database.dsn("daemon_login"), poll_interval=30.0, probe_interval=10.0) as daemon:
            server.stop()
            began, used = loop.time(), time.process_time()
            loop.is_fast = True
            await asyncio.sleep(HOUR)
            loop.is_fast = False
            assert loop.time() - began >= HOUR
            used = time.process_time() - used
            told = lines.events(least="info")
            tries = len(lines.of("worker.lost"))
            server.start()
            async with sessions(database) as (admin, app):
                assert (await ask(app, "after", fields("a")))["status"] == "approved"
                await asyncio.wait_for(daemon.listener.listening.wait(), 20)
                assert await assert_all_or_nothing(admin) == 1
    assert used < HOUR / 100
    assert len(told) < 20, told

    # It did try, with a pause of ten seconds at most, and of five on the average.
    assert 300 < tries < 2000


@needs_servers
async def test_requests_survive_a_full_disk_however_often_they_were_tried() -> None:
    async with contextlib.AsyncExitStack() as stack:
        try:
            disk = stack.enter_context(small_disk(megabytes=8))
        except OSError as error:
            pytest.skip(str(error))
        database = await asyncio.to_thread(new_database, stack.enter_context(own_server()))
        admin, app = await stack.enter_async_context(sessions(database))
        # Only what is created is on the full disk.
        await admin.execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
        await admin.execute("GRANT CREATE ON TABLESPACE small TO PUBLIC")
        await admin.execute(f"ALTER DATABASE {database.name} SET default_tablespace = small")
        # None may be tried a second time for an error of its own.
        await admin.execute("SELECT schemad.set_policy('max_attempts', '1')")
        fill(disk / "filler")
        with logged() as lines:
            async with running_daemon(database.dsn("daemon_login")):
                ids = [await submit(app, f"t_{n}", fields("a")) for n in range(20)]
                # More than once each, and the end of it is not in sight.
                await lines.next("request.put_off", 50)
                waiting = "FROM schemad.schema_requests WHERE attempts = 0 AND last_error LIKE '53100 %'"
                assert await admin.fetchval(f"SELECT count(*) {waiting}") > 0
                (disk / "filler").unlink()
                assert {(await decided(app, i))["status"] for i in ids} == {"approved"}
        assert await assert_all_or_nothing(admin) == 20
        assert await admin.fetchval("SELECT max(attempts) FROM schemad.schema_requests") == 1
    assert [line["sqlstate"] for line in lines.of("queue.stalled")] == ["53100"]
    assert lines.of("queue.moves_again")
    assert "request.put_off" not in lines.events(least="info")


def fill(path: Path) -> None:
    """Makes a file of all that a disk has left."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as filler:
        while filler.write(bytes(4096)):
            pass


async def test_a_server_with_no_connection_left_is_waited_for(
    database: Database, admin: Connection, app: Connection
) -> None:
    with logged() as lines:
        async with running_daemon(database.dsn("daemon_login")):
            await admin.execute(f"ALTER DATABASE {database.name} CONNECTION LIMIT 0")
            await end_the_daemon_s(admin)
            waiting = await submit(app, "waiting", fields("a"))
            await lines.next("worker.lost", 3)
            assert "too many connections" in lines.of("worker.lost")[-1]["error"]
            await admin.execute(f"ALTER DATABASE {database.name} CONNECTION LIMIT -1")
            request = await decided(app, waiting)
            assert (request["status"], request["attempts"]) == ("approved", 1)


async def test_a_database_that_takes_no_writes_is_waited_for(
    database: Database, admin: Connection, app: Connection
) -> None:
    waiting = await submit(app, "waiting", fields("a"))
    with logged() as lines:
        async with running_daemon(database.dsn("daemon_login")):
            assert (await decided(app, waiting))["status"] == "approved"
            await admin.execute(f"ALTER DATABASE {database.name} SET default_transaction_read_only = on")
            await end_the_daemon_s(admin)
            second = await submit(app, "second", fields("a"))
            await lines.next("worker.lost", 3)
            await lines.next("listener.lost", 3)
            await admin.execute(
                "SET default_transaction_read_only = off;"
                f"ALTER DATABASE {database.name} RESET default_transaction_read_only"
            )
            request = await decided(app, second)
            assert (request["status"], request["attempts"]) == ("approved", 1)


@needs_servers
async def test_sessions_that_may_no_longer_write_are_given_up_and_nothing_is_counted() -> None:
    with own_server() as server:
        database = await asyncio.to_thread(new_database, server)
        async with sessions(database) as (admin, app):
            await admin.execute("SET default_transaction_read_only = off")
            await app.execute("SET default_transaction_read_only = off")
            with logged() as lines:
                async with running_daemon(database.dsn("daemon_login")):
                    await admin.execute("ALTER SYSTEM SET default_transaction_read_only = on")
                    await admin.execute("SELECT pg_reload_conf()")
                    await until_new_sessions_only_read(database)
                    waiting = await submit(app, "waiting", fields("a"))
                    await lines.next("worker.lost")
                    await admin.execute("ALTER SYSTEM RESET default_transaction_read_only")
                    await admin.execute("SELECT pg_reload_conf()")
                    request = await decided(app, waiting)
                    assert (request["status"], request["attempts"]) == ("approved", 1)


async def until_new_sessions_only_read(database: Database) -> None:
    """A session that begins with what was set comes after the server has told all others of it."""
    only_reads = "off"
    async with asyncio.timeout(PATIENCE):
        while only_reads != "on":
            async with database.connection() as new:
                only_reads = await new.fetchval("SHOW default_transaction_read_only")


@needs_servers
async def test_a_batch_whose_locks_do_not_fit_into_the_server_is_applied_in_parts() -> None:
    with own_server(max_locks_per_transaction="10", max_connections="20", max_prepared_transactions="0") as server:
        database = await asyncio.to_thread(new_database, server)
        async with sessions(database) as (admin, app), database.connection() as hog:
            await admin.execute("SELECT schemad.set_policy('max_attempts', '1')")
            await submit_many(app, 100)
            await take_locks(hog, but=400)
            with logged() as lines:
                async with running_daemon(database.dsn("daemon_login"), batch_size=100, appliers=1):
                    await until(admin, "NOT EXISTS (SELECT FROM schemad.schema_requests WHERE status = 'pending')")
            assert await assert_all_or_nothing(admin) == 100
            assert await admin.fetchval("SELECT max(attempts) FROM schemad.schema_requests") == 1
            # It was one batch, and is done in a few parts.
            parts = await admin.fetchval("SELECT count(DISTINCT xmin::text) FROM schemad.schema_requests")
            assert 1 < parts < 50
    assert not {"request.failed", "request.put_off", "queue.stalled", "worker.lost"} & set(lines.events())


async def take_locks(connection: Connection, *, but: int) -> None:
    """Takes all the locks that a server has room for, but so many hundred, until its session ends."""
    await connection.execute("BEGIN")
    taken = 0
    with contextlib.suppress(asyncpg.OutOfMemoryError):
        while True:
            await connection.execute(f"SAVEPOINT s_{taken}")
            await connection.execute(
                "SELECT pg_advisory_xact_lock(n) FROM generate_series($1::integer, $1 + 99) AS n", taken
            )
            taken += 100
    await connection.execute(f"ROLLBACK TO s_{taken - but}")


async def test_a_lock_on_what_outcomes_are_written_to_counts_no_attempt_and_ends_no_request(
    database: Database, admin: Connection, app: Connection
) -> None:
    await admin.execute("SELECT schemad.set_policy('max_attempts', '2')")
    with logged() as lines:
        async with running_daemon(database.dsn("daemon_login"), lock_timeout=0.05, batch_size=5):
            async with admin.transaction():
                await admin.execute("LOCK TABLE schemad.notifications IN ACCESS EXCLUSIVE MODE")
                async with database.connection("app_two") as other:
                    await submit_many(other, 20)
                await lines.next("worker.lost", 5)
            await until(admin, "NOT EXISTS (SELECT FROM schemad.schema_requests WHERE status = 'pending')")
    assert await admin.fetchval("SELECT max(attempts) FROM schemad.schema_requests") == 1
    assert await assert_all_or_nothing(admin) == 20
    assert lines.events(least="warning") == ["worker.lost"]
    assert len(lines.of("worker.connected")) == len(lines.of("policy.loaded")) + 1 == 2


async def test_what_can_not_be_recorded_is_told_once(
    database: Database, admin: Connection, app: Connection
) -> None:
    await admin.execute(
        """
        CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'no message to this user'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON schemad.notifications FOR EACH ROW
        WHEN (NEW.payload ->> 'schema_name' = 'unrecorded') EXECUTE FUNCTION public.refuse()
        """
    )
    with logged() as lines:
        async with running_daemon(database.dsn("daemon_login")):
            stuck = await submit(app, "unrecorded", fields("a"))
            await lines.next("request.unrecorded", 3)
            await admin.execute("DROP TRIGGER refuse ON schemad.notifications")
            assert (await decided(app, stuck))["status"] == "approved"
    assert lines.events(least="error") == ["request.unrecorded"]


async def test_a_batch_that_breaks_as_a_whole_says_why_before_its_requests_go_alone(
    database: Database, admin: Connection, app: Connection
) -> None:
    await admin.execute(
        """
        CREATE FUNCTION public.more_than_one() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF (SELECT count(*) > 1 FROM told) THEN RAISE EXCEPTION 'not more than one'; END IF;
          RETURN NULL;
        END $$;
        CREATE TRIGGER more_than_one AFTER INSERT ON schemad.notifications REFERENCING NEW TABLE AS told
        FOR EACH STATEMENT EXECUTE FUNCTION public.more_than_one()
        """
    )
    with logged() as lines:
        async with running_daemon(database.dsn("daemon_login")):
            await submit_many(app, 5)
            await until(admin, "NOT EXISTS (SELECT FROM schemad.schema_requests WHERE status = 'pending')")
    assert await assert_all_or_nothing(admin) == 5
    told = lines.of("batch.broken")
    assert [(t["requests"], t["sqlstate"], t["error"]) for t in told] == [(5, "P0001", "not more than one")]
