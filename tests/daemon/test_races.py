"""What changes between reading a request and applying it is never overrun."""

import json

import pytest

from schemad.daemon import intake
from schemad.ddl import Decision, decide
from schemad.store import Connection, DecidedRequest, Queue, Result
from tests.support.daemons import running_daemon
from tests.support.databases import Database, fields
from tests.support.requests import ask, decided, submit

HELD = fields("a") | {"checks": ["repeat(a, 2) <> ''"]}


async def test_a_decision_from_before_an_approval_does_not_undo_it(
    admin: Connection, app: Connection, dba: Connection, database: Database
) -> None:
    request_id = await submit(app, "notes", HELD)
    async with database.connection("daemon_login") as slow, database.connection("daemon_login") as quick:
        late = Queue(slow)
        policy = await late.policy()
        [read] = (await late.candidates(1)).requests
        request = DecidedRequest(
            read, decide(read.schema_name, read.payload, policy, read.facts, requested_by="app_one")
        )

        [held] = await Queue(quick).apply(policy.version, [request])
        assert held.result is Result.HELD
        await dba.execute("SELECT schemad.approve_request($1, 'agreed')", request_id)
        [overtaken] = await late.apply(policy.version, [request])
        assert overtaken.result is Result.TAKEN
    assert await admin.fetchval("SELECT decided_by FROM schemad.schema_requests") == "dba_one"
    async with running_daemon(database.dsn("daemon_login")):
        assert (await decided(app, request_id))["status"] == "approved"


async def test_a_decision_under_an_older_policy_is_made_again(
    admin: Connection, app: Connection, database: Database
) -> None:
    await submit(app, "notes", fields("a"))
    async with database.connection("daemon_login") as connection:
        queue = Queue(connection)
        policy = await queue.policy()
        [read] = (await queue.candidates(1)).requests
        request = DecidedRequest(
            read, decide(read.schema_name, read.payload, policy, read.facts, requested_by="app_one")
        )
        await admin.execute("SELECT schemad.set_policy('max_fields', '50')")
        [stale] = await queue.apply(policy.version, [request])
    assert stale.result is Result.STALE
    assert await admin.fetchval("SELECT to_regclass('public.notes')") is None


async def test_a_request_that_can_not_be_decided_on_keeps_no_other_waiting(
    app: Connection, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def defective(schema_name: str, *arguments: object, **options: object) -> Decision:
        if schema_name == "odd":
            raise RuntimeError("a defect")
        return decide(schema_name, *arguments, **options)  # type: ignore[arg-type]  # passed on as they came

    odd = await submit(app, "odd", fields("a"))
    with monkeypatch.context() as patched:
        patched.setattr(intake, "decide", defective)
        async with running_daemon(database.dsn("daemon_login")):
            assert (await ask(app, "good", fields("a")))["status"] == "approved"
            assert await app.fetchval("SELECT verdict FROM schemad.schema_requests WHERE id = $1", odd) is None
    async with running_daemon(database.dsn("daemon_login")):
        assert (await decided(app, odd))["status"] == "approved"


async def test_a_preview_leaves_the_session_as_it_was(app: Connection, daemon: object) -> None:
    await ask(app, "notes", fields("a"))
    async with app.transaction():
        before = await app.fetchval("SHOW lock_timeout")
        await app.fetch("SELECT * FROM schemad.preview_request('notes', $1)", json.dumps(fields("b")))
        assert await app.fetchval("SHOW lock_timeout") == before
