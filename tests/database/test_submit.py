"""Submitting: who asked is stamped, the outcome can't be forged, a key means one request."""

import asyncio
import json

import pytest

from schemad.store import Connection
from tests.database.asking import Ask, Refusal, held, insert, refusal, request_row, submit
from tests.support.databases import Database, fields

FORGED = {
    "status": "'approved'",
    "processed_at": "now()",
    "verdict": "'auto'",
    "findings": """'[{"rule": "x"}]'""",
    "plan_sql": "'DROP TABLE accounts'",
    "decided_by": "'dba_one'",
    "decision_reason": "'fine'",
    "attempts": "3",
    "next_attempt_at": "now() + interval '1 year'",
    "last_error": "'none'",
    "retried_at": "now()",
}
FIXED = {
    "id": "1000",
    "requester_user_id": "'somebody else'",
    "schema_name": "'something_else'",
    "request_payload": "'{}'",
    "created_at": "now()",
    "requested_by": "'app_two'",
    "requested_login": "'app_two'",
    "idempotency_key": "'another'",
}


async def test_the_function_takes_named_arguments_and_needs_no_key(app: Connection) -> None:
    request_id = await app.fetchval(
        "SELECT schemad.submit_request(requester_user_id => 'user123', schema_name => 'notes', "
        """request_payload => '{"fields": [{"name": "title", "type": "text"}]}')"""
    )
    row = await request_row(app, request_id)
    assert (row["requester_user_id"], row["schema_name"], row["idempotency_key"]) == ("user123", "notes", None)


@pytest.mark.parametrize("ask", [submit, insert])
async def test_a_new_request_is_pending_unassessed_and_stamped_with_who_asked(app: Connection, ask: Ask) -> None:
    before = await app.fetchval("SELECT clock_timestamp()")
    row = await request_row(app, await ask(app, "Notes", fields("Title")))
    assert row["created_at"] > before
    assert json.loads(row["request_payload"]) == fields("Title")
    del row["id"], row["created_at"], row["request_payload"]
    assert row == {
        "requester_user_id": "user123",
        "schema_name": "Notes",
        "status": "pending",
        "processed_at": None,
        "verdict": None,
        "findings": "[]",
        "plan_sql": None,
        "requested_by": "app_one",
        "requested_login": "app_one",
        "decided_by": None,
        "decision_reason": None,
        "idempotency_key": None,
        "attempts": 0,
        "next_attempt_at": None,
        "last_error": None,
        "retried_at": None,
    }


@pytest.mark.parametrize("ask", [submit, insert])
async def test_after_set_role_both_the_role_and_the_login_are_kept(app: Connection, ask: Ask) -> None:
    await app.execute("SET ROLE schemad_requester")
    row = await request_row(app, await ask(app, "notes", fields("a")))
    assert (row["requested_by"], row["requested_login"]) == ("schemad_requester", "app_one")


async def test_not_even_a_superuser_asks_in_the_name_of_another_role(admin: Connection) -> None:
    row = await admin.fetchrow(
        "INSERT INTO schemad.schema_requests "
        "(requester_user_id, schema_name, request_payload, requested_by, requested_login, created_at) "
        "VALUES ('user123', 'notes', $1, 'app_two', 'app_two', '2000-01-01') "
        "RETURNING requested_by = session_user AS by, requested_login = session_user AS login, "
        "created_at > now() - interval '1 hour' AS recent",
        json.dumps(fields("a")),
    )
    assert row is not None
    assert tuple(row) == (True, True, True)


def _forge(column: str) -> str:
    return (
        f"INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload, {column}) "
        f"VALUES ('user123', 'notes', $1, {FORGED[column]})"
    )


@pytest.mark.parametrize("column", FORGED)
async def test_the_outcome_of_a_request_cannot_be_forged(admin: Connection, app: Connection, column: str) -> None:
    by_requester = await refusal(app.execute(_forge(column), json.dumps(fields("a"))))
    assert by_requester.sqlstate == "42501"
    assert await refusal(admin.execute(_forge(column), json.dumps(fields("a")))) == Refusal(
        "42501",
        "the outcome of a request can't be set by whoever asks",
        "Rule request.outcome_set, request for table 'notes'.",
        "Give requester_user_id, schema_name, request_payload and, if you like, idempotency_key.",
    )
    assert await admin.fetchval("SELECT count(*) FROM schemad.schema_requests") == 0


@pytest.mark.parametrize("column", FIXED)
async def test_what_was_asked_for_stays_as_it_was_submitted(
    admin: Connection, app: Connection, column: str
) -> None:
    request_id = await held(admin, app)
    before = await request_row(app, request_id)
    change = f"UPDATE schemad.schema_requests SET {column} = {FIXED[column]} WHERE id = {request_id}"
    if column == "id":  # GENERATED ALWAYS: PostgreSQL itself refuses before any trigger
        assert (await refusal(admin.execute(change))).sqlstate == "428C9"
    else:
        by_admin = await refusal(admin.execute(change))
        assert by_admin.sqlstate == "55000"
        assert by_admin.message == f"request {request_id} can't be changed once it is submitted"
        assert f"schemad.cancel_request({request_id})" in (by_admin.hint or "")
        assert (await refusal(app.execute(change))).sqlstate == "42501"
    assert await request_row(app, request_id) == before


async def test_a_requester_deletes_nothing(admin: Connection, app: Connection) -> None:
    request_id = await held(admin, app)
    assert (await refusal(app.execute("DELETE FROM schemad.schema_requests"))).sqlstate == "42501"
    assert (await refusal(app.execute("TRUNCATE schemad.schema_requests"))).sqlstate == "42501"
    assert (await request_row(app, request_id))["verdict"] == "review"


async def test_the_same_key_again_returns_the_first_request(admin: Connection, app: Connection) -> None:
    first = await submit(app, "notes", fields("a"), key="order-1")
    assert await submit(app, "notes", fields("a"), key="order-1") == first
    # Whatever became of it meanwhile.
    await admin.execute(
        "UPDATE schemad.schema_requests SET status = 'cancelled', processed_at = now() WHERE id = $1", first
    )
    assert await submit(app, "notes", fields("a"), key="order-1") == first
    assert await submit(app, "notes", fields("a"), key="order-2") != first
    assert await admin.fetchval("SELECT count(*) FROM schemad.schema_requests") == 2


@pytest.mark.parametrize(("name", "payload"), [("notes", fields("b")), ("other", fields("a"))])
async def test_the_same_key_for_something_else_is_an_error(
    app: Connection, name: str, payload: dict[str, object]
) -> None:
    first = await submit(app, "notes", fields("a"), key="order-1")
    assert await refusal(submit(app, name, payload, key="order-1")) == Refusal(
        "23505",
        f"idempotency_key 'order-1' was used for another request, {first}",
        f"Rule request.key_reused, request for table '{name}'.",
        "The same key means the same request: take a new key for a new one.",
    )


INSERT_WITH_KEY = """
INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload, idempotency_key)
VALUES ('me', 'notes', '{0}', $1)
"""


@pytest.mark.parametrize("sql", ["SELECT schemad.submit_request('me', 'notes', '{0}', $1)", INSERT_WITH_KEY])
async def test_a_key_that_is_too_long_is_told_by_its_rule(app: Connection, sql: str) -> None:
    sql = sql.replace("{0}", json.dumps(fields("a")))
    await app.execute(sql, "k" * 255)
    assert await refusal(app.execute(sql, "k" * 3_000)) == Refusal(
        "22023",
        "idempotency_key is longer than 255 characters",
        "Rule request.key_too_long, request for table 'notes'.",
        "Take something shorter, such as a UUID.",
    )


async def test_requests_without_a_key_are_all_new(app: Connection) -> None:
    assert await submit(app, "notes", fields("a")) != await submit(app, "notes", fields("a"))


async def test_concurrent_submits_of_one_key_give_one_request(database: Database) -> None:
    async def ask() -> int:
        async with database.connection("app_one") as connection:
            return await submit(connection, "notes", fields("a"), key="order-1")

    assert len(set(await asyncio.gather(*(ask() for _ in range(8))))) == 1


async def test_two_roles_may_use_the_same_key(database: Database, app: Connection) -> None:
    first = await submit(app, "notes", fields("a"), key="order-1")
    async with database.connection("app_two") as other:
        second = await submit(other, "other", fields("b"), key="order-1")
        assert second != first
        assert await submit(other, "other", fields("b"), key="order-1") == second
    assert await submit(app, "notes", fields("a"), key="order-1") == first
