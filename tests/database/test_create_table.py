"""CALL schemad.create_table(): submits, commits and waits, in one line."""

import asyncio

import pytest

from schemad.daemon import Daemon
from schemad.store import Connection
from tests.database.asking import Refusal, refusal
from tests.support.requests import until

pytestmark = pytest.mark.every_server

FINE = """'{"fields": [{"name": "title", "type": "text"}]}'"""
ODD = """'{"fields": [{"name": "title", "type": "text"}], "checks": ["repeat(title, 2) <> ''x''"]}'"""


async def test_in_one_line_there_is_the_table_and_what_became_of_the_request(
    app: Connection, daemon: Daemon
) -> None:
    row = await app.fetchrow(f"CALL schemad.create_table('user123', 'notes', {FINE})")
    assert row is not None
    request_id = row["request_id"]
    assert dict(row) == {
        "request_id": request_id,
        "status": "approved",
        "verdict": "auto",
        "message": "approved by schemad: low-risk: created public.notes with 2 fields",
    }
    await app.execute("INSERT INTO notes (title) VALUES ('hello')")


async def test_it_takes_named_arguments(app: Connection, daemon: Daemon) -> None:
    row = await app.fetchrow(
        f"CALL schemad.create_table(request_payload => {FINE}, schema_name => 'notes', requester_user_id => 'me')"
    )
    assert row is not None
    assert row["status"] == "approved"


async def test_what_has_to_wait_says_why(app: Connection, daemon: Daemon) -> None:
    row = await app.fetchrow(f"CALL schemad.create_table('user123', 'notes', {ODD})")
    assert row is not None
    assert (row["status"], row["verdict"]) == ("pending", "review")
    assert row["message"].startswith("waits for review: ")
    assert row["message"].endswith("[expression.function_not_allowed]")


async def test_an_unsound_request_is_refused_as_everywhere(app: Connection) -> None:
    refused = await refusal(app.execute(f"CALL schemad.create_table('user123', 'Messages', {FINE})"))
    assert (refused.sqlstate, refused.detail) == ("42939", "Rule name.protected, request for table 'Messages'.")


@pytest.mark.parametrize(
    "call",
    [
        "BEGIN; {0}",
        "SELECT 1; {0}",  # several statements in one message are one transaction, too
    ],
)
async def test_in_a_transaction_block_it_fails_with_what_works_there_and_submits_nothing(
    app: Connection, call: str
) -> None:
    refused = await refusal(app.execute(call.format(f"CALL schemad.create_table('user123', 'notes', {FINE})")))
    await app.execute("ROLLBACK")
    assert refused == Refusal(
        "25001",
        "create_table() commits, so it can't be called in a transaction block",
        None,
        "Call schemad.submit_request() there, commit, and then schemad.wait_for_request() with its result.",
    )
    assert await app.fetchval("SELECT count(*) FROM schemad.schema_requests") == 0


async def test_the_request_is_kept_whatever_becomes_of_the_wait(admin: Connection, app: Connection) -> None:
    call = asyncio.create_task(app.execute(f"CALL schemad.create_table('me', 'notes', {FINE})"))
    await until(admin, "EXISTS (SELECT FROM schemad.schema_requests)")
    await admin.execute("SELECT pg_cancel_backend($1)", app.get_server_pid())
    assert (await refusal(call)).sqlstate == "57014"
    assert await app.fetchval("SELECT status FROM schemad.schema_requests") == "pending"
