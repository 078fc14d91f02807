"""`schemad doctor`: whether a daemon would work, and for what would not, the command that mends it."""

import pytest

from schemad.daemon import Daemon
from schemad.store import Connection
from tests.cli.doctor import CREATES, levels, mends
from tests.cli.program import EXIT_FAILED, schemad_beside
from tests.support.databases import Database
from tests.support.servers import server_names

pytestmark = pytest.mark.parametrize("server", server_names()[-1:], indirect=True, scope="session")


async def test_all_is_well_beside_a_running_daemon(database: Database, daemon: Daemon, admin: Connection) -> None:
    await admin.execute("SELECT schemad.set_policy('pending_requests', '100')")
    run = await schemad_beside("doctor", dsn=database.dsn("daemon_login"), **CREATES)
    assert (run.code, run.err) == (0, "")
    lines = run.out.splitlines()
    assert len(lines) == 19
    assert all(line.startswith("ok ") for line in lines)
    assert "queue: 0 to assess, 0 held, 1 daemon connected" in run.out
    async with database.connection() as connection:
        version = (await connection.fetchval("SHOW server_version")).split()[0]
    assert lines[0] == f"ok    server: PostgreSQL {version}"


@pytest.mark.parametrize(
    ("policy", "environment", "line"),
    [
        (
            "on",
            {"SCHEMAD_LISTEN": "off"},
            "ok    notifications: SCHEMAD_LISTEN is off: the queue is looked at every 30 s",
        ),
        (
            "off",
            {"SCHEMAD_POLL_INTERVAL": "5"},
            "note  notifications: the policy's notify is off: the queue is looked at every 5 s",
        ),
    ],
)
async def test_notifications_that_nobody_wants_are_nothing_to_be_mended(
    database: Database, admin: Connection, policy: str, environment: dict[str, str], line: str
) -> None:
    await admin.execute("SELECT schemad.set_policy('notify', $1)", policy)
    run = await schemad_beside("doctor", dsn=database.dsn("daemon_login"), **environment)
    assert (run.code, run.err) == (0, "")
    assert line in run.out.splitlines()


async def test_a_database_without_the_schema_is_to_be_migrated(empty_database: Database) -> None:
    run = await schemad_beside("doctor", dsn=empty_database.dsn())
    assert run.code == EXIT_FAILED
    assert "mend  schema: not current" in run.out
    assert "→ this database has no schema schemad: run `schemad migrate`" in run.out


@pytest.mark.parametrize("role", [None, "schemad_requester", "schemad_reviewer"])
async def test_a_login_without_the_daemon_s_privileges_gets_them_by_what_doctor_says(
    database: Database, admin: Connection, login: str, role: str | None
) -> None:
    if role is not None:
        await admin.execute(f"GRANT {role} TO {login}")
    failing = await mends(database.dsn(login))
    assert set(failing.values()) >= {f"GRANT schemad_daemon TO {login};"}
    for command in failing.values():
        await admin.execute(command)
    assert await mends(database.dsn(login)) == {}


async def test_another_owner_of_tables_gets_what_it_lacks_by_what_doctor_says(
    database: Database, admin: Connection, login: str
) -> None:
    await admin.execute("CREATE SCHEMA elsewhere")
    await admin.execute(f"CREATE ROLE {login}_owner; GRANT schemad_daemon TO {login}")
    try:
        await admin.execute(f"UPDATE schemad.policy SET owner_role = '{login}_owner', table_schema = 'elsewhere'")
        failing = await mends(database.dsn(login))
        assert failing == {
            "owner of tables": f"GRANT {login}_owner TO {login};",
            "schema of tables": f"GRANT USAGE, CREATE ON SCHEMA elsewhere TO {login}_owner; "
            "GRANT USAGE ON SCHEMA elsewhere TO schemad_requester;",
        }
        for command in failing.values():
            await admin.execute(command)
        assert await mends(database.dsn(login)) == {}
    finally:
        await admin.execute(f"DROP OWNED BY {login}_owner; DROP ROLE {login}_owner")


async def test_what_plans_run_in_is_given_to_the_owner_of_tables_by_what_doctor_says(
    database: Database, admin: Connection
) -> None:
    """As after a restore without owners."""
    before = await levels(database.dsn("daemon_login"), **CREATES)
    await admin.execute("ALTER FUNCTION schemad.run_as_owner(text) OWNER TO postgres")
    said = await levels(database.dsn("daemon_login"), **CREATES)
    ((found, mend),) = said["note"]
    assert found.startswith("schemad.run_as_owner(text) belongs to postgres: plans with types of your own, ")
    await admin.execute(mend)
    assert await levels(database.dsn("daemon_login"), **CREATES) == before


async def test_a_database_without_the_schema_of_tables_gets_it_by_what_doctor_says(
    database: Database, admin: Connection
) -> None:
    await admin.execute("DROP SCHEMA public CASCADE")
    failing = await mends(database.dsn("daemon_login"))
    assert failing == {
        "schema of tables": "CREATE SCHEMA public; GRANT USAGE, CREATE ON SCHEMA public TO schemad_owner; "
        "GRANT USAGE ON SCHEMA public TO schemad_requester;"
    }
    await admin.execute(failing["schema of tables"])
    assert await mends(database.dsn("daemon_login")) == {}


async def test_a_queue_that_nobody_works_on_wants_a_daemon(database: Database, app: Connection) -> None:
    await app.execute(
        "INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload) "
        """VALUES ('u', 'thing', '{"fields": [{"name": "a", "type": "text"}]}')"""
    )
    assert await mends(database.dsn("daemon_login")) == {"queue": "start a daemon: schemad run"}
