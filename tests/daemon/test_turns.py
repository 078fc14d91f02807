"""Whose turn it is: nobody's backlog, and nobody's locked table, keeps the requests of others waiting."""

import pytest

from schemad.daemon import Daemon
from schemad.request.payload import MAX_REFERENCED_TABLES
from schemad.store import Connection, Queue
from tests.support.daemons import running_daemon
from tests.support.databases import Database, fields
from tests.support.requests import ask, decided, on_creation, submit, submit_many, until


async def test_a_backlog_of_one_requester_delays_another_by_no_more_than_a_batch(
    database: Database, admin: Connection, app: Connection
) -> None:
    await submit_many(app, 500)
    late = await submit(app, "same_role", fields("a"), user="somebody else")
    async with database.connection("app_two") as other:
        later = await submit(other, "other_role", fields("a"))
    async with database.connection("daemon_login") as daemon:
        candidates = await Queue(daemon).candidates(10)
    ids = [request.id for request in candidates.requests]
    assert {late, later} < set(ids)
    # The rest of the batch is the backlog's, oldest first.
    assert sorted(ids)[:8] == list(range(1, 9))
    assert candidates.found == 10


@pytest.mark.parametrize(
    ("of_backlog", "role", "user"),
    [
        pytest.param("app_one", "app_one", "a", id="requester that sorts before the backlog's"),
        pytest.param("app_one", "app_one", "z", id="requester that sorts behind the backlog's"),
        pytest.param("app_two", "app_one", "user123", id="role that sorts before the backlog's"),
        pytest.param("app_one", "app_two", "user123", id="role that sorts behind the backlog's"),
    ],
)
async def test_a_backlog_delays_a_single_other_one_by_no_more_than_a_batch(
    database: Database, of_backlog: str, role: str, user: str
) -> None:
    async with database.connection(of_backlog) as requester:
        await submit_many(requester, 100)
    async with database.connection("daemon_login") as daemon:
        alone = [request.id for request in (await Queue(daemon).candidates(10)).requests]
        async with database.connection(role) as other:
            late = await submit(other, "late", fields("a"), user=user)
        beside = [request.id for request in (await Queue(daemon).candidates(10)).requests]
    assert alone == list(range(1, 11))
    assert beside == [*range(1, 10), late]


async def test_a_role_with_many_requesters_delays_another_role_by_no_more_than_a_batch(
    database: Database, app: Connection
) -> None:
    await app.execute(
        "INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload) "
        "SELECT 'user_' || n, 't_' || n, $1 FROM generate_series(1, 300) AS n",
        '{"fields": [{"name": "a", "type": "text"}]}',
    )
    async with database.connection("app_two") as other:
        late = await submit(other, "late", fields("a"))
    async with database.connection("daemon_login") as daemon:
        candidates = await Queue(daemon).candidates(10)
    assert late in {request.id for request in candidates.requests}
    assert candidates.found == 10


async def test_a_request_has_no_more_than_a_hundred_tables_looked_up_however_many_it_references(
    database: Database, app: Connection
) -> None:
    listed = [
        {"name": f"f{n}", "type": "bigint", "references": {"table": f"t{n}", "field": "id"}} for n in range(1500)
    ]
    await submit(app, "wide", {"fields": listed})
    async with database.connection("daemon_login") as daemon:
        candidates = await Queue(daemon).candidates(10)
    assert len(candidates.requests[0].facts.references) == MAX_REFERENCED_TABLES


async def test_everybody_s_turn_comes_where_more_requesters_wait_than_a_batch_has_room_for(
    database: Database, admin: Connection, app: Connection
) -> None:
    await app.execute(
        "INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload) "
        "SELECT 'user_' || n % 60, 't_' || n, $1 FROM generate_series(1, 180) AS n",
        '{"fields": [{"name": "a", "type": "text"}]}',
    )
    async with database.connection("daemon_login") as daemon:
        queue, done = Queue(daemon), list[int]()
        while requests := (await queue.candidates(10, done)).requests:
            assert len({request.requester_user_id for request in requests}) == 10
            done += [request.id for request in requests]
    assert sorted(done) == list(range(1, 181))


async def test_of_many_requests_for_one_table_one_is_taken_at_a_time(database: Database, app: Connection) -> None:
    for n in range(5):
        await submit(app, ("Notes", "notes")[n % 2], fields(f"f{n}"))
    await submit(app, "other", fields("a"))
    async with database.connection("daemon_login") as daemon:
        candidates = await Queue(daemon).candidates(50)
        assert [request.id for request in candidates.requests] == [1, 6]
        assert candidates.found == 6
        assert (await Queue(daemon).candidates(50, [], ["notes"])).found == 1


async def note_tried(admin: Connection, table: str, which: str) -> None:
    """Has public.tried tell how many of some requests that wait had been tried when that table was created."""
    await admin.execute(
        f"""
        CREATE TABLE public.tried (requests bigint);
        CREATE FUNCTION public.note_tried() RETURNS void LANGUAGE sql SECURITY DEFINER
          BEGIN ATOMIC
            INSERT INTO public.tried SELECT count(*) FROM schemad.schema_requests
            WHERE status = 'pending' AND attempts > 0 AND {which};
          END
        """
    )
    await on_creation(admin, table, "PERFORM public.note_tried()")


async def test_requests_for_a_locked_table_are_tried_one_at_a_time_and_all_applied_in_the_end(
    database: Database, admin: Connection, app: Connection
) -> None:
    async with running_daemon(database.dsn("daemon_login"), batch_size=1, appliers=1):
        await ask(app, "busy", fields("a"))
        await note_tried(admin, "other_4", "schema_name = 'busy'")
        async with app.transaction():
            await app.execute("LOCK TABLE public.busy IN ACCESS EXCLUSIVE MODE")
            await admin.execute("SET SESSION AUTHORIZATION app_one")
            # One drain finds them all: a later one would try the next, however soon that comes.
            async with admin.transaction():
                await admin.execute(
                    "INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload) "
                    "SELECT 'user123', 'busy', $1::jsonb FROM generate_series(1, 100)",
                    '{"fields": [{"name": "b", "type": "text"}]}',
                )
                others = [await submit(admin, f"other_{n}", fields("a")) for n in range(5)]
            await admin.execute("RESET SESSION AUTHORIZATION")
            assert {(await decided(admin, other))["status"] for other in others} == {"approved"}
            # Each look at a locked table costs time: of a hundred requests for it, one has been tried.
            assert await admin.fetchval("SELECT max(requests) FROM public.tried") <= 1
        await until(admin, "NOT EXISTS (SELECT FROM schemad.schema_requests WHERE status = 'pending')")


async def test_names_that_somebody_holds_keep_other_roles_waiting_for_one_lock_and_not_for_each(
    database: Database, admin: Connection, dba: Connection, daemon: Daemon
) -> None:
    async with database.connection() as holder, holder.transaction():
        for n in range(100):
            await holder.execute(f"CREATE TABLE public.u_{n} (a integer)")
        # One look finds them all.
        async with admin.transaction():
            await admin.execute("SET SESSION AUTHORIZATION app_one")
            await admin.execute(
                "INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload) "
                "SELECT 'user123', 'u_' || n, $1::jsonb FROM generate_series(0, 99) AS n",
                '{"fields": [{"name": "b", "type": "text"}]}',
            )
            await admin.execute("SET SESSION AUTHORIZATION app_two")
            other = await submit(admin, "other", fields("a"))
        await admin.execute("RESET SESSION AUTHORIZATION")
        assert (await decided(admin, other))["status"] == "approved"
        # Each of them takes a lock timeout: one in each batch, the transaction of which is in the row.
        tried_together = (
            "SELECT count(*) FROM schemad.schema_requests WHERE schema_name LIKE 'u%' AND attempts > 0 "
            "GROUP BY xmin::text"
        )
        assert {row["count"] for row in await admin.fetch(tried_together)} == {1}
        await holder.execute("DROP TABLE " + ", ".join(f"public.u_{n}" for n in range(100)))
    await until(dba, "NOT EXISTS (SELECT FROM schemad.schema_requests WHERE status = 'pending')")


async def test_what_waits_for_a_table_in_hand_is_taken_as_soon_as_that_is_done(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    # More than the batches in hand, the last for tables of the first: those are left out of what is read next.
    await app.execute(
        "INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload) "
        "SELECT 'user123', 't_' || n % 60, jsonb_build_object('fields', jsonb_build_array("
        "jsonb_build_object('name', 'f' || n, 'type', 'text'))) FROM generate_series(0, 74) AS n",
    )
    await until(admin, "NOT EXISTS (SELECT FROM schemad.schema_requests WHERE status = 'pending')")


async def test_a_slow_request_does_not_keep_later_ones_waiting(
    admin: Connection, app: Connection, dba: Connection, database: Database
) -> None:
    await admin.execute("SELECT pg_advisory_lock(42)")
    await on_creation(admin, "slow", "PERFORM pg_advisory_xact_lock(42)")
    async with running_daemon(database.dsn("daemon_login"), lock_timeout=60, statement_timeout=600):
        slow = await submit(app, "slow", fields("a"))
        await until(
            dba, "EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND NOT granted)"
        )
        for n in range(3):
            assert (await ask(app, f"quick_{n}", fields("a")))["status"] == "approved"
        await admin.execute("SELECT pg_advisory_unlock(42)")
        assert (await decided(app, slow))["status"] == "approved"


async def test_no_two_daemons_wait_for_each_other_where_roles_are_counted_for_the_first_time(
    database: Database,
) -> None:
    take = "SELECT schemad.take_quota_turn($1)"
    async with (
        database.connection("daemon_login") as one,
        database.connection("daemon_login") as other,
        one.transaction(),
    ):
        # Else what waited would go on waiting.
        await other.execute("SET lock_timeout = '3s'")
        async with other.transaction():
            assert await one.fetchval(take, "app_one")
            assert await other.fetchval(take, "app_two")
            assert not await other.fetchval(take, "app_one")
            assert not await one.fetchval(take, "app_two")
            # Its own it keeps, and what it may wait elsewhere is as it was.
            assert await other.fetchval(take, "app_two")
            assert await other.fetchval("SHOW lock_timeout") == "3s"
        assert await one.fetchval(take, "app_two")
