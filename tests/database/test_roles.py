"""Roles: everyone sees their own, reviewers all, strangers nothing."""

from collections.abc import AsyncIterator

import pytest

from schemad.store import Connection
from tests.database.asking import insert, refusal, submit
from tests.support.databases import Database, fields


@pytest.fixture
async def other(database: Database) -> AsyncIterator[Connection]:
    """Another requester."""
    async with database.connection("app_two") as connection:
        yield connection


async def _count(connection: Connection, source: str) -> int:
    found: int = await connection.fetchval(f"SELECT count(*) FROM schemad.{source}")
    return found


async def test_a_requester_sees_nothing_of_another_one(
    app: Connection, other: Connection, dba: Connection
) -> None:
    request_id = await submit(app, "notes", fields("a"))
    await app.execute("SELECT schemad.cancel_request($1)", request_id)
    await submit(app, "more", fields("a"))
    for source, own in {
        "schema_requests": 2,
        "list_requests()": 2,
        "list_requests(requester_user_id => 'user123')": 2,
        "pending_requests": 1,
        "notifications": 1,
    }.items():
        assert await _count(app, source) == own, source
        assert await _count(other, source) == 0, source
        assert await _count(dba, source) == own, source


async def test_a_requester_marks_no_message_of_another_one(app: Connection, other: Connection) -> None:
    await app.execute("SELECT schemad.cancel_request($1)", await submit(app, "notes", fields("a")))
    assert await other.execute("UPDATE schemad.notifications SET delivered = true") == "UPDATE 0"
    assert await app.fetchval("SELECT delivered FROM schemad.notifications") is False


async def test_a_requester_who_is_a_reviewer_too_marks_its_own_messages_and_reads_all(
    database: Database, admin: Connection, app: Connection
) -> None:
    await admin.execute("CREATE ROLE both_login LOGIN IN ROLE schemad_requester, schemad_reviewer")
    try:
        async with database.connection("both_login") as both:
            for session in (app, both):
                await session.execute(
                    "SELECT schemad.cancel_request($1)", await submit(session, "notes", fields("a"))
                )
            assert await _count(both, "notifications") == 2
            assert await both.execute("UPDATE schemad.notifications SET delivered = true") == "UPDATE 1"
        assert await app.fetchval("SELECT delivered FROM schemad.notifications") is False
    finally:
        await admin.execute("DROP ROLE both_login")


async def test_counting_tables_against_a_quota_is_for_daemons_alone(database: Database) -> None:
    may = "SELECT has_function_privilege('schemad.is_within_quota(text, integer)', 'EXECUTE')"
    for login, expected in (("daemon_login", True), ("dba_one", False), ("app_one", False)):
        async with database.connection(login) as connection:
            assert await connection.fetchval(may) is expected, login


async def test_row_security_holds_for_the_owner_of_the_rows_only(admin: Connection) -> None:
    rows = await admin.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'schemad'::regnamespace AND relrowsecurity ORDER BY 1"
    )
    assert [row["relname"] for row in rows] == ["notifications", "schema_requests"]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT schemad.submit_request('me', 'notes', '{}')",
        "SELECT * FROM schemad.list_requests()",
        "SELECT * FROM schemad.schema_requests",
        "INSERT INTO schemad.schema_requests (schema_name, request_payload) VALUES ('notes', '{}')",
        "CALL schemad.create_table('me', 'notes', '{}')",
        "SELECT schemad.approve_request(1, 'x')",
    ],
)
async def test_a_role_that_was_given_nothing_may_do_nothing(database: Database, statement: str) -> None:
    async with database.connection("stranger") as stranger:
        assert (await refusal(stranger.execute(statement))).sqlstate == "42501"


async def test_reviewers_and_daemons_ask_for_nothing(database: Database) -> None:
    for login in ("dba_one", "daemon_login"):
        async with database.connection(login) as connection:
            assert (await refusal(insert(connection, "notes", fields("a")))).sqlstate == "42501"


@pytest.mark.parametrize("login", ["app_one", "dba_one", "daemon_login"])
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE schemad.policy SET max_fields = 1600",
        "INSERT INTO schemad.safe_types (name) VALUES ('xml')",
        "DELETE FROM schemad.protected_tables",
        "DELETE FROM schemad.migrations",
    ],
)
async def test_the_policy_is_a_matter_of_the_dba(database: Database, login: str, change: str) -> None:
    async with database.connection(login) as connection:
        assert (await refusal(connection.execute(change))).sqlstate == "42501"


async def test_what_the_daemon_uses_is_its_own(database: Database) -> None:
    for login in ("app_one", "dba_one"):
        async with database.connection(login) as connection:
            for call in ("apply_batch(1, '[]')", "run_as_owner('SELECT 1')", "column_difference('[]', 0)"):
                assert (await refusal(connection.execute(f"SELECT schemad.{call}"))).sqlstate == "42501"


async def test_the_owner_of_created_tables_cannot_touch_the_control_tables(admin: Connection) -> None:
    rows = await admin.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'schemad'::regnamespace AND relkind IN ('r', 'v') "
        "AND has_table_privilege('schemad_owner', oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')"
    )
    assert rows == []
    assert await admin.fetchval("SELECT has_schema_privilege('schemad_owner', 'schemad', 'USAGE')") is False


async def test_the_roles_of_schemad_are_no_logins_and_no_superusers(admin: Connection) -> None:
    rows = await admin.fetch(
        "SELECT rolname, rolcanlogin OR rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls AS mighty "
        "FROM pg_roles WHERE rolname LIKE 'schemad\\_%' ORDER BY 1"
    )
    assert [tuple(row) for row in rows] == [
        ("schemad_daemon", False),
        ("schemad_owner", False),
        ("schemad_requester", False),
        ("schemad_reviewer", False),
    ]
