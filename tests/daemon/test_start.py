"""What a daemon refuses to start on, and what it says while it works."""

import json

import pytest
from structlog.testing import capture_logs

from schemad.store import Connection, connect
from tests.support.daemons import DaemonProcess, daemon_process, running_daemon
from tests.support.databases import Database, fields
from tests.support.requests import ask, decided, on_creation, submit, until
from tests.support.servers import server_names

MISMATCHES = {
    "absent": ("DROP SCHEMA schemad CASCADE", "run `schemad migrate` as its owner"),
    "behind": (
        "UPDATE schemad.migrations SET checksum = 'of an older text' WHERE file = 'functions/apply_batch.sql'",
        "run `schemad migrate` with this version",
    ),
    "ahead": (
        "INSERT INTO schemad.migrations (file, checksum) VALUES ('migrations/9999_later.sql', 'unknown')",
        "upgrade schemad, `pip install --upgrade schemad`",
    ),
}


@pytest.mark.parametrize("server", server_names()[-1:], indirect=True)
@pytest.mark.parametrize("state", MISMATCHES)
async def test_a_daemon_refuses_another_version_s_schema_and_says_which_command_mends_it(
    database: Database, admin: Connection, state: str
) -> None:
    change, advice = MISMATCHES[state]
    await admin.execute(change)
    process = await DaemonProcess.start(database.dsn("daemon_login"))
    assert await process.end() == 1
    said = "".join(process.lines)
    assert said.startswith("schemad: ")
    assert advice in said
    assert "Traceback" not in said


@pytest.mark.parametrize("server", server_names()[-1:], indirect=True)
async def test_a_process_writes_one_json_object_a_line(database: Database, app: Connection) -> None:
    async with daemon_process(database.dsn("daemon_login")) as process:
        request_id = await submit(app, "notes", fields("a"))
        await process.event("request.applied")
    events = [json.loads(line) for line in process.lines]
    assert events[0]["event"] == "daemon.started"
    assert all({"event", "level", "timestamp"} <= event.keys() for event in events)
    told = [event for event in events if event["event"] == "request.applied"]
    assert [(e["request_id"], e["table"], e["requester"]) for e in told] == [(request_id, "notes", "user123")]


async def test_every_line_about_a_request_names_it(
    database: Database, admin: Connection, app: Connection, dba: Connection
) -> None:
    await on_creation(admin, "vetoed", "RAISE EXCEPTION 'not today'")
    wanted: dict[str, int] = {}
    with capture_logs() as lines:
        async with running_daemon(database.dsn("daemon_login"), lock_timeout=0.05):
            wanted["request.applied"] = (await ask(app, "busy", fields("a")))["id"]
            held = await ask(app, "held", fields("a") | {"checks": ["repeat(a, 2) <> ''"]})
            wanted["request.held"] = held["id"]
            wanted["request.failed"] = (await ask(app, "vetoed", fields("a")))["id"]
            async with admin.transaction():
                await admin.execute("LOCK TABLE public.busy IN ACCESS EXCLUSIVE MODE")
                put_off = await submit(app, "busy", fields("a", "b"))
                tried = "EXISTS (SELECT FROM schemad.schema_requests WHERE id = $1 AND attempts > 0)"
                await until(dba, tried, put_off)
            wanted["request.put_off"] = put_off
            assert (await decided(app, put_off))["status"] == "approved"
    told = [line for line in lines if line["event"].startswith("request.")]
    assert all(line["request_id"] in wanted.values() and line["table"] and line["requester"] for line in told)
    assert {(line["event"], line["request_id"]) for line in told} == wanted.items() | {
        ("request.applied", put_off)
    }
    failed = next(line for line in told if line["event"] == "request.failed")
    assert (failed["sqlstate"], failed["error"]) == ("P0001", "not today")


async def test_a_database_without_row_security_for_its_sessions_is_worked_on(
    database: Database, admin: Connection, app: Connection
) -> None:
    await admin.execute(f"ALTER DATABASE {database.name} SET row_security = off")
    async with running_daemon(database.dsn("daemon_login")):
        assert (await ask(app, "notes", fields("a")))["status"] == "approved"


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
async def test_a_database_with_another_isolation_is_worked_on_as_ever(
    database: Database, admin: Connection, app: Connection, isolation: str
) -> None:
    await admin.execute("SELECT schemad.set_policy('tables_per_day', '10')")
    await admin.execute(f"ALTER DATABASE {database.name} SET default_transaction_isolation = '{isolation}'")
    async with running_daemon(database.dsn("daemon_login")):
        assert (await ask(app, "notes", fields("a")))["status"] == "approved"
        assert await pinned_isolation(database) == "read committed"


async def pinned_isolation(database: Database) -> str:
    """How a daemon's session sees what others commit."""
    connection = await connect(database.dsn("daemon_login"), job="test", pinned=True)
    try:
        isolation: str = await connection.fetchval("SHOW transaction_isolation")
    finally:
        connection.terminate()
    return isolation


async def test_a_login_that_only_reads_is_told_so(database: Database, admin: Connection) -> None:
    await admin.execute(
        f"ALTER ROLE daemon_login IN DATABASE {database.name} SET default_transaction_read_only = on"
    )
    process = await DaemonProcess.start(database.dsn("daemon_login"))
    assert await process.end() == 1
    assert "default_transaction_read_only is on" in "".join(process.lines)
