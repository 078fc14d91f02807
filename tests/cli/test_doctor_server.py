"""`schemad doctor` on a server that gets in a daemon's way: each check fails, and what it says mends it."""

import contextlib
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from schemad.embedded import EmbeddedPostgres
from schemad.store import Connection, connect, migrate
from schemad.store.checks import Level
from schemad.store.checks.limits import sessions_needed
from schemad.store.checks.server import check_server
from tests.cli.doctor import CREATES, levels, mends
from tests.cli.program import schemad_beside
from tests.support.daemons import daemon_settings
from tests.support.databases import Database
from tests.support.pooler import NO_POOLER_REASON, PROGRAM, running_pooler
from tests.support.servers import TEST_DSN, docker_answers, server_names

pytestmark = pytest.mark.parametrize("server", server_names()[-1:], indirect=True, scope="session")


@pytest.fixture
async def daemon_role(admin: Connection, login: str) -> str:
    """A login of the test's own that has what a daemon needs."""
    await admin.execute(f"GRANT schemad_daemon TO {login}")
    return login


@pytest.mark.parametrize(
    ("spoil", "check", "mend"),
    [
        (
            "ALTER DATABASE {database} SET default_transaction_read_only = on",
            "role of the server",
            "ALTER DATABASE {database} RESET default_transaction_read_only;",
        ),
        (
            "ALTER ROLE {role} SET default_transaction_read_only = on",
            "role of the server",
            "ALTER ROLE {role} RESET default_transaction_read_only;",
        ),
        (
            "ALTER ROLE {role} IN DATABASE {database} SET session_replication_role = replica",
            "triggers",
            "ALTER ROLE {role} IN DATABASE {database} RESET session_replication_role;",
        ),
        (
            "ALTER TABLE schemad.schema_requests DISABLE TRIGGER wake",
            "triggers of schemad",
            "ALTER TABLE schemad.schema_requests ENABLE TRIGGER wake;",
        ),
        ("ALTER ROLE {role} CONNECTION LIMIT 1", "connections", "ALTER ROLE {role} CONNECTION LIMIT -1;"),
        (
            "ALTER DATABASE {database} CONNECTION LIMIT 4",
            "connections",
            "ALTER DATABASE {database} CONNECTION LIMIT -1;",
        ),
        (
            "ALTER TABLE schemad.notifications SET (autovacuum_enabled = off)",
            "vacuum",
            "ALTER TABLE schemad.notifications RESET (autovacuum_enabled);",
        ),
        (
            "ALTER ROLE {role} SET transaction_timeout = '5s'",
            "time limits",
            "ALTER ROLE {role} SET transaction_timeout = 0;",
        ),
    ],
)
async def test_what_keeps_a_daemon_from_its_work_is_mended_by_what_doctor_says(
    database: Database, admin: Connection, daemon_role: str, spoil: str, check: str, mend: str
) -> None:
    if "transaction_timeout" in spoil and admin.get_server_version().major < 17:
        pytest.skip("this server has no transaction_timeout")
    names = {"database": database.name, "role": daemon_role}
    if "wake" in spoil:
        trigger = await admin.fetchval(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = 'schemad.schema_requests'::regclass "
            "AND NOT tgisinternal ORDER BY tgname LIMIT 1"
        )
        spoil, mend = (re.sub(r"\bwake\b", trigger, text) for text in (spoil, mend))
    await admin.execute(spoil.format(**names))
    assert (await mends(database.dsn(daemon_role)))[check] == mend.format(**names)
    await admin.execute(mend.format(**names))
    assert await mends(database.dsn(daemon_role)) == {}


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        ("SELECT schemad.set_policy('tables_per_day', '0')", "tables_per_day is 0"),
        ("SELECT schemad.set_policy('tables_in_all', '0')", "tables_in_all is 0"),
        (
            "INSERT INTO schemad.schema_registry (name, owner, owner_role) VALUES ('a', 'u', 'app_one'); {limit}",
            "tables_in_all is used up by app_one",
        ),
        ("UPDATE schemad.safe_types SET auto = false", "no type is automatic"),
        ("SELECT schemad.set_policy('max_attempts', '1')", "max_attempts is 1"),
        ("SELECT schemad.set_policy('allow_self_approval', 'true')", "allow_self_approval is on"),
    ],
)
async def test_a_policy_that_may_not_be_meant_is_noted_and_changed_by_what_doctor_says(
    database: Database, admin: Connection, spoil: str, found: str
) -> None:
    await admin.execute(spoil.format(limit="SELECT schemad.set_policy('tables_in_all', '1')"))
    said = await levels(database.dsn("daemon_login"), **CREATES)
    assert said["mend"] == []
    ((words, mend),) = said["note"]
    assert words.startswith(found)
    await admin.execute(mend)
    assert await levels(database.dsn("daemon_login"), **CREATES) == {"note": [], "mend": []}


async def test_that_no_limit_is_set_is_noted_with_what_sets_one(database: Database, admin: Connection) -> None:
    async def said() -> dict[str, str]:
        run = await schemad_beside("doctor", "--json", dsn=database.dsn("daemon_login"), **CREATES)
        assert run.code == 0
        (check,) = (check for check in run.json if check["check"] == "limits on requests")
        return {name: str(check[name]) for name in ("level", "found", "mend")}

    noted = await said()
    assert (noted["level"], noted["found"].partition(":")[0]) == ("note", "none is set")
    command, _, _ = noted["mend"].partition(";")
    assert command == "SELECT schemad.set_policy('pending_requests', '100')"
    await admin.execute(command)
    assert await said() == {"level": "ok", "found": "1 set", "mend": ""}


async def test_an_owner_of_tables_that_could_be_misused_is_told(
    database: Database, admin: Connection, daemon_role: str
) -> None:
    owner = f"{daemon_role}_owner"
    await admin.execute(f"CREATE ROLE {owner} LOGIN; GRANT {owner} TO {daemon_role}")
    try:
        await admin.execute(f"UPDATE schemad.policy SET owner_role = '{owner}'")
        await admin.execute(f"ALTER ROLE {owner} SUPERUSER; ALTER FUNCTION schemad.run_as_owner OWNER TO {owner}")
        said = await levels(database.dsn(daemon_role), **CREATES)
        assert [mend for _, mend in said["mend"]] == [f"ALTER ROLE {owner} NOSUPERUSER;"]
        assert [mend for _, mend in said["note"]] == [f"ALTER ROLE {owner} NOLOGIN;"]
        await admin.execute(f"ALTER ROLE {owner} NOSUPERUSER NOLOGIN")
        said = await levels(database.dsn(daemon_role), **CREATES)
        assert said["note"] == []
        assert not [found for found, _ in said["mend"] if "superuser" in found]
        await admin.execute(f"GRANT postgres TO {owner}")
        now = await levels(database.dsn(daemon_role), **CREATES)
        (told,) = [entry for entry in now["mend"] if entry not in said["mend"]]
        assert told[0].startswith(f"{owner}, which owns tables, may act as the owner of schema schemad")
        await admin.execute(told[1])
    finally:
        await admin.execute(
            f"UPDATE schemad.policy SET owner_role = NULL; DROP OWNED BY {owner}; DROP ROLE {owner}"
        )


async def test_a_daemon_that_creates_nothing_by_itself_is_noted(database: Database) -> None:
    said = await levels(database.dsn("daemon_login"))
    assert [found for found, _ in said["note"]] == [
        "SCHEMAD_ENABLE_AUTO_CREATE is off: every request waits for review"
    ]


async def test_batches_that_the_table_of_locks_has_no_room_for_are_noted(database: Database) -> None:
    large = {"SCHEMAD_BATCH_SIZE": "1000", "SCHEMAD_APPLIERS": "16"}
    ((found, mend),) = (await levels(database.dsn("daemon_login"), **CREATES, **large))["note"]
    assert "batches may take 160000" in found
    fitting = re.match(r"SCHEMAD_BATCH_SIZE=(\d+), or ALTER SYSTEM SET max_locks_per_transaction = \d+;", mend)
    assert fitting is not None
    smaller = large | {"SCHEMAD_BATCH_SIZE": fitting[1]}
    assert (await levels(database.dsn("daemon_login"), **CREATES, **smaller))["note"] == []


async def test_a_listen_dsn_to_where_no_notification_comes_is_told(
    database: Database, empty_database: Database
) -> None:
    elsewhere = {"SCHEMAD_LISTEN_DSN": empty_database.dsn()}
    assert (await mends(database.dsn("daemon_login"), **elsewhere))["notifications"].startswith(
        "set SCHEMAD_LISTEN_DSN to PostgreSQL itself and the same database"
    )
    right = {"SCHEMAD_LISTEN_DSN": database.dsn("app_one")}
    assert await mends(database.dsn("daemon_login"), **right) == {}


@pytest.mark.slow
@pytest.mark.skipif(PROGRAM is None, reason=NO_POOLER_REASON)
async def test_a_pooler_in_transaction_mode_is_told_for_each_way_that_leads_through_it(database: Database) -> None:
    with running_pooler(database.dsn("daemon_login")) as pooled:
        # PgBouncer names one of the settings that it does not know.
        way = re.compile(r"unsupported startup parameter: .*: most likely a pooler such as PgBouncer is")
        run = await schemad_beside("doctor", dsn=pooled)
        assert run.code == 1
        assert way.search(run.out)
        failing = await mends(pooled)
        assert failing["way to the server"].startswith("SCHEMAD_DSN has to lead to PostgreSQL itself")
        assert failing["notifications"].startswith("set SCHEMAD_LISTEN_DSN to PostgreSQL itself")
        failing = await mends(database.dsn("daemon_login"), SCHEMAD_LISTEN_DSN=pooled)
        assert failing.keys() == {"notifications"}
        assert await mends(database.dsn("daemon_login"), SCHEMAD_LISTEN_DSN=pooled, SCHEMAD_LISTEN="off") == {}


@pytest.mark.skipif(PROGRAM is None, reason=NO_POOLER_REASON)
async def test_a_pooler_that_drops_settings_is_told(database: Database) -> None:
    dropped = (
        "search_path,standard_conforming_strings,quote_all_identifiers,array_nulls,transform_null_equals,jit,"
    )
    dropped += "default_transaction_isolation,"
    dropped += "row_security,idle_session_timeout,idle_in_transaction_session_timeout,tcp_keepalives_idle,"
    dropped += "lock_timeout,tcp_keepalives_interval,tcp_keepalives_count,tcp_user_timeout,statement_timeout"
    with running_pooler(database.dsn("daemon_login"), ignore_startup_parameters=dropped) as pooled:
        assert (await mends(pooled))["way to the server"].startswith(
            "SCHEMAD_DSN has to lead to PostgreSQL itself"
        )


@pytest.mark.parametrize("hours", [-1, 1])
async def test_clocks_that_are_apart_are_noted(admin: Connection, hours: int) -> None:
    checks = [check async for check in check_server(admin, clock=lambda: time.time() + 3600 * hours)]
    assert [(c.name, c.level) for c in checks if c.level is not Level.OK] == [("clock", Level.NOTE)]
    apart = re.search(r"([0-9.]+) s apart", checks[-1].found)
    assert apart is not None
    assert float(apart[1]) == pytest.approx(3600, abs=60)


needs_server_of_its_own = pytest.mark.skipif(
    TEST_DSN is not None or docker_answers(), reason="takes a server that it may start with settings of its own"
)


@pytest.fixture
def poor_server(server: object) -> Iterator[EmbeddedPostgres]:
    """A server with hardly any connections, without autovacuum, and with room for few notifications."""
    settings = {
        "fsync": "off",
        "max_connections": "8",
        "max_wal_senders": "0",
        "autovacuum": "off",
        "max_notify_queue_pages": "64",
    }
    memory = Path("/dev/shm")
    with (
        tempfile.TemporaryDirectory(prefix="schemad-", dir=memory if memory.is_dir() else None) as directory,
        EmbeddedPostgres(Path(directory) / "data", major=18, settings=settings) as running,
    ):
        yield running


@pytest.fixture
async def poor_admin(poor_server: EmbeddedPostgres) -> AsyncIterator[Connection]:
    """A superuser's connection to it, with schemad installed."""
    connection = await connect(poor_server.dsn(), job="test")
    try:
        await migrate(connection)
        yield connection
    finally:
        connection.terminate()


@needs_server_of_its_own
async def test_a_server_without_room_is_told(poor_server: EmbeddedPostgres, poor_admin: Connection) -> None:
    failing = await mends(poor_server.dsn())
    # What the command line says can't be changed by ALTER SYSTEM, but that is where one says so elsewhere.
    assert failing == {
        "connections": "ALTER SYSTEM SET max_connections = …; and restart PostgreSQL",
        "vacuum": "ALTER SYSTEM SET autovacuum = on; SELECT pg_reload_conf();",
    }
    needed = sessions_needed(daemon_settings(poor_server.dsn()))
    run = await schemad_beside("doctor", dsn=poor_server.dsn())
    # A session of its own that was told to end may still be there.
    assert re.search(rf"connections: the server has [23] free, a daemon needs {needed - 1}", run.out)


@needs_server_of_its_own
async def test_a_login_that_is_shown_nobody_else_s_sessions_counts_them_all_the_same(
    poor_server: EmbeddedPostgres, poor_admin: Connection
) -> None:
    await poor_admin.execute("CREATE ROLE daemon_login LOGIN IN ROLE schemad_daemon")
    run = await schemad_beside("doctor", dsn=poor_server.dsn(user="daemon_login"))
    assert re.search("connections: the server has [23] free", run.out)


@needs_server_of_its_own
async def test_a_queue_of_notifications_that_fills_up_is_told_with_the_session_that_keeps_it(
    poor_server: EmbeddedPostgres, poor_admin: Connection
) -> None:
    reading_nothing = await connect(poor_server.dsn(), job="reading nothing")
    try:
        await reading_nothing.add_listener("any", lambda *_: None)
        await reading_nothing.execute("BEGIN")
        # Each takes a page of the queue's 64.
        await poor_admin.execute(
            "SELECT pg_notify('any', n || repeat('x', 7000)) FROM generate_series(1, 12) AS n"
        )
        said = await levels(poor_server.dsn(), **CREATES)
        assert any("every NOTIFY of the server fails" in found for found, _ in said["note"])
        await poor_admin.execute(
            "SELECT pg_notify('any', n || repeat('x', 7000)) FROM generate_series(1, 40) AS n"
        )
        mend = (await mends(poor_server.dsn()))["notification queue"]
        assert "schemad reading nothing" in mend
        ended = re.search(r"SELECT pg_terminate_backend\((\d+)\);", mend)
        assert ended is not None
        assert int(ended[1]) == reading_nothing.get_server_pid()
        # Once it is full, what says so is told all the same.
        with contextlib.suppress(asyncpg.ProgramLimitExceededError):
            while True:
                await poor_admin.execute("SELECT pg_notify('any', repeat('x', 7000))")
        full = await mends(poor_server.dsn())
        assert ended[0] in full["notification queue"]
        assert full["notifications"] == "make room in the notification queue, as told there"
        await poor_admin.execute(ended[0])
        # PostgreSQL gives pages back when somebody asks how full it is, and once the session has ended.
        while "notification queue" in await mends(poor_server.dsn()):
            pass
    finally:
        reading_nothing.terminate()


@pytest.mark.parametrize("place", ["postgresql://nobody@127.0.0.1:1/nowhere", "postgresql://127.0.0.1:port/"])
async def test_where_nobody_can_listen_is_told_beside_all_else(database: Database, place: str) -> None:
    run = await schemad_beside("doctor", dsn=database.dsn("daemon_login"), SCHEMAD_LISTEN_DSN=place)
    (told,) = (line for line in run.out.splitlines() if line.startswith("mend"))
    assert told.startswith("mend  notifications: can't be heard where SCHEMAD_LISTEN_DSN leads: ")
    assert "ok    owner of tables" in run.out
    assert run.code == 1


async def test_where_tables_belong_to_the_daemon_it_has_to_be_able_to_make_them(
    database: Database, admin: Connection
) -> None:
    await admin.execute("CREATE SCHEMA elsewhere; GRANT USAGE ON SCHEMA elsewhere TO schemad_requester")
    await admin.execute("UPDATE schemad.policy SET owner_role = NULL, table_schema = 'elsewhere'")
    spoiled = await mends(database.dsn("daemon_login"))
    assert spoiled == {"schema of tables": "GRANT USAGE, CREATE ON SCHEMA elsewhere TO daemon_login;"}
    await admin.execute(spoiled["schema of tables"])
    assert await mends(database.dsn("daemon_login")) == {}


async def test_names_from_the_database_reach_no_terminal_as_they_are(
    database: Database, admin: Connection
) -> None:
    await admin.execute('CREATE ROLE "evil\x1b[31m" LOGIN IN ROLE schemad_requester')
    await admin.execute(
        "INSERT INTO schemad.schema_registry (name, owner, owner_role) SELECT 'a', 'u', rolname FROM pg_roles "
        "WHERE rolname LIKE 'evil%'"
    )
    await admin.execute("SELECT schemad.set_policy('tables_in_all', '1')")
    try:
        run = await schemad_beside("doctor", dsn=database.dsn("daemon_login"), **CREATES)
    finally:
        await admin.execute('DROP ROLE "evil\x1b[31m"')
    assert "evil<U+001B>[31m" in run.out
    assert "\x1b" not in run.out


@needs_server_of_its_own
async def test_a_standby_is_told(poor_server: EmbeddedPostgres, poor_admin: Connection) -> None:
    poor_admin.terminate()
    poor_server.stop()
    (poor_server.data_dir / "standby.signal").touch()
    os.chown(poor_server.data_dir / "standby.signal", *_owner(poor_server.data_dir))
    poor_server.start()
    run = await schemad_beside("doctor", dsn=poor_server.dsn())
    assert run.code == 1
    assert "mend  role of the server: a standby: it takes neither writes nor LISTEN" in run.out
    assert "→ name the primary in SCHEMAD_DSN" in run.out


def _owner(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_uid, status.st_gid
