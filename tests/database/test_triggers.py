"""Wake-ups: whatever gives the daemons something to do notifies them, once, and says nothing else."""

import json

import pytest

from schemad.store import Connection
from tests.database.asking import Ask, held, hold, insert, listening, refusal, submit
from tests.support.databases import Database, fields

REQUESTS = "schemad_requests"


async def test_a_thousand_rows_in_one_insert_are_one_wake_up_without_a_payload(
    database: Database, app: Connection
) -> None:
    async with listening(database, REQUESTS) as so_far:
        await app.execute(
            "INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload) "
            "SELECT 'user123', 'notes_' || n, $1 FROM generate_series(1, 1000) AS n",
            json.dumps(fields("a")),
        )
        assert await so_far() == [""]
    assert await app.fetchval("SELECT count(*) FROM schemad.schema_requests") == 1000


@pytest.mark.parametrize("ask", [submit, insert])
async def test_each_way_of_asking_wakes_the_daemons(database: Database, app: Connection, ask: Ask) -> None:
    async with listening(database, REQUESTS) as so_far:
        await ask(app, "notes", fields("a"))
        assert await so_far() == [""]


async def test_a_transaction_of_many_requests_is_one_wake_up_and_none_before_its_commit(
    database: Database, app: Connection
) -> None:
    async with listening(database, REQUESTS) as so_far:
        async with app.transaction():
            for number in range(3):
                await submit(app, f"notes_{number}", fields("a"))
            assert await so_far() == []
        assert await so_far() == [""]


async def test_a_request_that_is_rolled_back_wakes_nobody(database: Database, app: Connection) -> None:
    async with listening(database, REQUESTS) as so_far:
        transaction = app.transaction()
        await transaction.start()
        await submit(app, "notes", fields("a"))
        await transaction.rollback()
        assert await so_far() == []


@pytest.mark.parametrize(
    ("function", "wakes"),
    [
        ("approve_request($1, 'agreed')", True),
        ("retry_request($1)", True),
        ("reject_request($1, 'no')", False),
        ("cancel_request($1)", False),
    ],
)
async def test_what_puts_a_request_back_into_the_queue_wakes_the_daemons(
    database: Database, admin: Connection, app: Connection, dba: Connection, function: str, wakes: bool
) -> None:
    request_id = await held(admin, app)
    async with listening(database, REQUESTS) as so_far:
        await dba.execute(f"SELECT schemad.{function}", request_id)
        assert await so_far() == ([""] if wakes else [])


async def test_with_the_policy_s_notify_off_nothing_that_is_asked_for_sends_a_notification(
    database: Database, admin: Connection, app: Connection, dba: Connection
) -> None:
    request_id = await held(admin, app)
    await admin.execute("SELECT schemad.set_policy('notify', 'off')")
    async with listening(database, REQUESTS) as so_far:
        await submit(app, "notes", fields("a"))
        await insert(app, "more_notes", fields("a"))
        await dba.execute("SELECT schemad.approve_request($1, 'agreed')", request_id)
        await app.execute("SELECT schemad.retry_request($1)", request_id)
        assert await so_far() == []
        await admin.execute("SELECT schemad.set_policy('notify', 'on')")
        assert await so_far() == [""]


async def test_recording_an_outcome_wakes_nobody(database: Database, admin: Connection, app: Connection) -> None:
    request_id = await submit(app, "notes", fields("a"))
    async with listening(database, REQUESTS) as so_far:
        await hold(admin, request_id)
        await admin.execute(
            "UPDATE schemad.schema_requests SET status = 'approved', processed_at = now() WHERE id = $1",
            request_id,
        )
        assert await so_far() == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE schemad.policy SET max_fields = 50",
        "INSERT INTO schemad.protected_tables (name) VALUES ('accounts')",
        "UPDATE schemad.protected_tables SET reason = 'ours' WHERE name = 'messages'",
        "DELETE FROM schemad.protected_tables WHERE name = 'messages'",
        "INSERT INTO schemad.safe_types (name) VALUES ('xml')",
        "UPDATE schemad.safe_types SET auto = false WHERE name = 'json'",
        "DELETE FROM schemad.safe_types WHERE name = 'json'",
    ],
)
async def test_a_change_of_the_policy_is_a_new_version_and_wakes_the_daemons(
    database: Database, admin: Connection, change: str
) -> None:
    before = await admin.fetchval("SELECT version FROM schemad.policy")
    async with listening(database, REQUESTS) as so_far:
        await admin.execute(change)
        assert await so_far() == [""]
    row = await admin.fetchrow("SELECT version, changed_by = session_user, changed_at FROM schemad.policy")
    assert row is not None
    assert tuple(row)[:2] == (before + 1, True)


async def test_the_version_of_the_policy_cannot_be_set_back(admin: Connection) -> None:
    before = await admin.fetchval("SELECT version FROM schemad.policy")
    await admin.execute("UPDATE schemad.policy SET version = 0, changed_by = 'nobody'")
    row = await admin.fetchrow("SELECT version, changed_by = session_user FROM schemad.policy")
    assert row is not None
    assert tuple(row) == (before + 1, True)


async def test_there_is_one_policy(admin: Connection) -> None:
    for second in ("DEFAULT VALUES", "(is_policy) VALUES (false)"):
        assert (await refusal(admin.execute(f"INSERT INTO schemad.policy {second}"))).sqlstate in {
            "23505",
            "23514",
        }
    assert await admin.fetchval("SELECT count(*) FROM schemad.policy") == 1
