"""No request overtakes an earlier one of its role for the same table, nor waits for longer than that one does."""

import time
from datetime import UTC, datetime, timedelta

from schemad.daemon import Daemon
from schemad.daemon.worker import TAKEN_INTERVAL
from schemad.store import Connection, Queue
from schemad.store.queue_state import read_queue_state
from tests.support.daemons import running_daemon
from tests.support.databases import Database, fields
from tests.support.requests import ask, columns_of, decided, put_off, submit, until

BOOK = {"name": "book", "type": "bigint", "references": {"table": "books"}}


async def test_a_later_request_does_not_overtake_an_earlier_one_for_its_table_that_was_put_off(
    admin: Connection, app: Connection, dba: Connection, daemon: Daemon
) -> None:
    assert (await ask(app, "customers", fields("name")))["status"] == "approved"
    async with admin.transaction():
        # As whoever writes to it does: a foreign key to it has to wait.
        await admin.execute("LOCK TABLE public.customers IN ROW EXCLUSIVE MODE")
        reference = {"name": "customer", "type": "bigint", "references": {"table": "customers"}}
        first = await submit(app, "orders", {"fields": [{"name": "code", "type": "text"}, reference]})
        await until(dba, "EXISTS (SELECT FROM schemad.schema_requests WHERE id = $1 AND attempts > 0)", first)
        second = await submit(app, "orders", fields("note"))
        # Requests for other tables are not kept waiting.
        assert (await ask(app, "notes", fields("a")))["status"] == "approved"
        assert await dba.fetchval("SELECT verdict IS NULL FROM schemad.schema_requests WHERE id = $1", second)
    assert [(await decided(app, i))["status"] for i in (first, second)] == ["approved", "approved"]
    assert await columns_of(admin, "public.orders") == ["id", "code", "customer", "note"]


async def test_what_waits_for_one_that_was_put_off_is_not_told_as_due(
    database: Database, admin: Connection, app: Connection
) -> None:
    first = await submit(app, "notes", fields("a"))
    second = await submit(app, "Notes", fields("b"))
    await put_off(admin, first, 100)
    await put_off(admin, second, -1)
    async with database.connection("daemon_login") as daemon:
        queue = Queue(daemon)
        assert (await queue.candidates(10)).requests == []
        # A daemon that was told of the second would look for it again and again.
        told = await queue.next_attempt([])
        assert told is not None
        assert told > 50
        assert (await read_queue_state(daemon)).waiting["due"] == 0
        async with database.connection("app_two") as other:
            third = await submit(other, "notes", fields("c"))
        assert [request.id for request in (await queue.candidates(10)).requests] == [third]
        assert (await read_queue_state(daemon)).waiting == {"due": 1, "put_off": 2, "review": 0, "failed": 0}


async def test_what_was_put_off_and_waits_for_a_table_is_not_looked_for_again_and_again(
    database: Database, admin: Connection, app: Connection
) -> None:
    await put_off(admin, await submit(app, "books", fields("title")), 100)
    await submit(app, "copies", {"fields": [BOOK]})
    await put_off(admin, await submit(app, "copies", fields("note")), -1)
    async with running_daemon(database.dsn("daemon_login")) as daemon:
        swept, started = daemon.worker.sweeps, time.monotonic()
        # A query every few milliseconds.
        await until(admin, "clock_timestamp() > $1::timestamptz", datetime.now(UTC) + timedelta(seconds=2))
        assert daemon.worker.sweeps - swept <= (time.monotonic() - started) / TAKEN_INTERVAL + 4


async def test_what_waited_for_one_that_was_put_off_is_found_with_it(
    database: Database, admin: Connection, app: Connection
) -> None:
    first, second = [await submit(app, "notes", fields(name)) for name in "ab"]
    await put_off(admin, first, 0.5)
    async with running_daemon(database.dsn("daemon_login")):  # which never polls
        assert [(await decided(app, i))["status"] for i in (first, second)] == ["approved", "approved"]
    assert await columns_of(admin, "public.notes") == ["id", "a", "b"]


async def test_what_waited_for_one_that_is_withdrawn_is_found_at_once(
    database: Database, admin: Connection, app: Connection
) -> None:
    first, second = [await submit(app, "notes", fields(name)) for name in "ab"]
    await put_off(admin, first, 100)
    async with running_daemon(database.dsn("daemon_login")):
        assert (await ask(app, "other", fields("a")))["status"] == "approved"
        await app.execute("SELECT schemad.cancel_request($1)", first)
        assert (await decided(app, second))["status"] == "approved"
    assert await columns_of(admin, "public.notes") == ["id", "b"]


async def test_what_another_daemon_has_is_waited_for_by_its_role_alone(
    database: Database, admin: Connection, app: Connection
) -> None:
    first = await submit(app, "notes", fields("a"))
    async with admin.transaction():
        await admin.execute("SELECT FROM schemad.schema_requests WHERE id = $1 FOR UPDATE", first)
        async with running_daemon(database.dsn("daemon_login")):
            second = await submit(app, "notes", fields("b"))
            async with database.connection("app_two") as other:
                theirs = await decided(other, await submit(other, "notes", fields("c")))
            assert theirs["status"] == "approved"
            assert (await ask(app, "other", fields("a")))["status"] == "approved"
            assert await app.fetchval("SELECT verdict IS NULL FROM schemad.schema_requests WHERE id = $1", second)


async def test_what_waited_for_one_that_was_put_off_and_taken_is_found_with_it(
    database: Database, admin: Connection, app: Connection
) -> None:
    first, second = [await submit(app, "notes", fields(name)) for name in "ab"]
    await put_off(admin, first, -1)
    held = admin.transaction()
    await held.start()
    await admin.execute("SELECT FROM schemad.schema_requests WHERE id = $1 FOR UPDATE", first)
    async with running_daemon(database.dsn("daemon_login")):  # which never polls
        assert (await ask(app, "other", fields("a")))["status"] == "approved"
        await held.rollback()
        assert [(await decided(app, i))["status"] for i in (first, second)] == ["approved", "approved"]
