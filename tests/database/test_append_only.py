"""The audit only grows; audit, log and notifications are the daemon's to write."""

import json

import pytest

from schemad.daemon import Daemon
from schemad.store import Connection
from tests.database.asking import held, refusal, submit
from tests.support.databases import Database, fields

INSERTS = {
    "schema_changes_audit": "(change_summary, applied_by) VALUES ('forged', 'schemad')",
    "auto_create_log": "(action) VALUES ('created')",
    "notifications": "(user_id, role_name, payload) VALUES ('user123', 'app_one', '{}')",
}
OF_THE_DAEMON = ["schema_registry", "schema_fields", "schema_versions", *INSERTS]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE schemad.schema_changes_audit SET applied_by = 'nobody'",
        "UPDATE schemad.schema_changes_audit SET applied_by = 'nobody' WHERE false",
        "DELETE FROM schemad.schema_changes_audit",
        "TRUNCATE schemad.schema_changes_audit",
        "MERGE INTO schemad.schema_changes_audit AS a USING (SELECT 1) AS x ON true WHEN MATCHED THEN DELETE",
    ],
)
async def test_the_audit_refuses_every_change_from_everybody(
    database: Database, admin: Connection, change: str
) -> None:
    await admin.execute("INSERT INTO schemad.schema_changes_audit (change_summary) VALUES ('create table notes')")
    by_superuser = await refusal(admin.execute(change))
    assert by_superuser.sqlstate == "55000"
    assert by_superuser.message.startswith("schema_changes_audit refuses ")
    assert by_superuser.message.endswith(": rows are only ever added")
    for login in ("app_one", "dba_one", "daemon_login", "stranger"):
        async with database.connection(login) as connection:
            assert (await refusal(connection.execute(change))).sqlstate == "42501"
    assert await admin.fetchval("SELECT change_summary FROM schemad.schema_changes_audit") == "create table notes"


@pytest.mark.parametrize("login", ["app_one", "dba_one", "stranger"])
@pytest.mark.parametrize("table", INSERTS)
async def test_nobody_but_the_daemon_adds_to_what_it_records(database: Database, login: str, table: str) -> None:
    async with database.connection(login) as connection:
        refused = await refusal(connection.execute(f"INSERT INTO schemad.{table} {INSERTS[table]}"))
    assert refused.sqlstate == "42501"


@pytest.mark.parametrize("table", INSERTS)
async def test_the_daemon_adds_and_can_not_rewrite(database: Database, table: str) -> None:
    async with database.connection("daemon_login") as connection:
        await connection.execute(f"INSERT INTO schemad.{table} {INSERTS[table]}")
        for change in (f"UPDATE schemad.{table} SET id = DEFAULT", f"DELETE FROM schemad.{table}"):
            assert (await refusal(connection.execute(change))).sqlstate == "42501"


@pytest.mark.parametrize("login", ["app_one", "dba_one"])
@pytest.mark.parametrize("table", OF_THE_DAEMON)
async def test_requesters_and_reviewers_delete_none_of_it(database: Database, login: str, table: str) -> None:
    async with database.connection(login) as connection:
        assert (await refusal(connection.execute(f"DELETE FROM schemad.{table}"))).sqlstate == "42501"
        assert (await refusal(connection.execute(f"TRUNCATE schemad.{table}"))).sqlstate == "42501"


async def test_a_requester_marks_its_messages_as_delivered_and_changes_nothing_else(
    admin: Connection, app: Connection
) -> None:
    request_id = await submit(app, "notes", fields("a"))
    await app.execute("SELECT schemad.cancel_request($1)", request_id)
    await app.execute("UPDATE schemad.notifications SET delivered = true, delivery_channel = 'email'")
    row = await admin.fetchrow("SELECT delivered, delivery_channel FROM schemad.notifications")
    assert row is not None
    assert tuple(row) == (True, "email")
    for change in ("payload = '{}'", "user_id = 'x'", "role_name = 'app_two'", "created_at = now()"):
        assert (await refusal(app.execute(f"UPDATE schemad.notifications SET {change}"))).sqlstate == "42501"


async def test_the_daemon_rewrites_no_request(database: Database, admin: Connection, app: Connection) -> None:
    request_id = await held(admin, app)
    async with database.connection("daemon_login") as connection:
        for change in ("request_payload = '{}'", "requested_by = 'app_two'", "schema_name = 'x'"):
            call = connection.execute(f"UPDATE schemad.schema_requests SET {change} WHERE id = {request_id}")
            assert (await refusal(call)).sqlstate == "42501"


async def test_a_dropped_table_leaves_its_audit_behind(
    admin: Connection, app: Connection, daemon: Daemon, dba: Connection
) -> None:
    created = await submit(app, "notes", fields("a"))
    await app.execute("SELECT schemad.wait_for_request($1)", created)
    dropped = await submit(app, "notes", {"action": "drop"})
    await app.execute("SELECT schemad.wait_for_request($1)", dropped)
    await dba.execute("SELECT schemad.approve_request($1, 'agreed')", dropped)
    row = await app.fetchrow("SELECT * FROM schemad.wait_for_request($1)", dropped)
    assert row is not None
    assert row["status"] == "approved", json.loads(row["findings"])
    assert await admin.fetchval("SELECT count(*) FROM schemad.schema_registry") == 0
    audit = await admin.fetch("SELECT request_id, applied_by FROM schemad.schema_changes_audit ORDER BY id")
    assert [tuple(a) for a in audit] == [(created, "schemad"), (dropped, "dba_one")]
