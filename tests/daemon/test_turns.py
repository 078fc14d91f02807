"""Whose turn it is: nobody's backlog, and nobody's locked table, keeps the requests of others waiting."""

import pytest

from schemad.daemon import Daemon
from schemad.store import Connection, Queue
from tests.support.databases import Database, fields
from tests.support.requests import ask, decided, submit, submit_many, until


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


@pytest.mark.parametrize("requests", [100])
async def test_requests_for_a_locked_table_are_tried_one_at_a_time_and_all_applied_in_the_end(
    admin: Connection, app: Connection, dba: Connection, daemon: Daemon, requests: int
) -> None:
    await ask(app, "busy", fields("a"))
    lock = app.transaction()
    await lock.start()
    await app.execute("LOCK TABLE public.busy IN ACCESS EXCLUSIVE MODE")
    await admin.execute("SET SESSION AUTHORIZATION app_one")
    await admin.execute(
        "INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload) "
        "SELECT 'user123', 'busy', $1::jsonb FROM generate_series(1, $2::integer)",
        '{"fields": [{"name": "b", "type": "text"}]}',
        requests,
    )
    other = await submit(admin, "other", fields("a"))
    assert (await decided(admin, other))["status"] == "approved"
    # Each look at a locked table costs time: of a hundred requests for it, few have been tried.
    pending = "FROM schemad.schema_requests WHERE schema_name = 'busy' AND status = 'pending'"
    assert await dba.fetchval(f"SELECT count(*) FILTER (WHERE attempts > 0) {pending}") <= 2
    await lock.rollback()
    await until(dba, "NOT EXISTS (SELECT FROM schemad.schema_requests WHERE status = 'pending')")
