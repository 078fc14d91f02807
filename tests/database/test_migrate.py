"""Installing and upgrading: each migration once, nothing twice, never against what is installed."""

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from schemad.embedded import BinariesNotFound, find_binaries
from schemad.store import Connection, SchemaMismatch, migrate, sql_files
from schemad.store.migrate import (
    ChangedMigration,
    pending_files,
    pending_script,
    require_current_schema,
)
from tests.database.asking import request_row, submit
from tests.support.daemons import running_daemon
from tests.support.databases import Database, Template, fields

pytestmark = pytest.mark.every_server

NEWER = "INSERT INTO schemad.migrations (file, checksum) VALUES ('migrations/9999_of_the_future.sql', 'x')"
ALL_FILES = [f.name for f in (*sql_files.migrations(), *sql_files.reapplied(), *sql_files.roles())]
# One text for each thing of the schema, in the words that would make it.
CATALOG = """
WITH relations AS (SELECT * FROM pg_class WHERE relnamespace = 'schemad'::regnamespace)
SELECT format('%s %s', oid::regclass, relkind) || concat_ws(' ', relrowsecurity, relacl::text, reloptions::text,
  relowner::regrole::text, obj_description(oid, 'pg_class')) FROM relations
UNION ALL
SELECT format('%s.%s %s %s %s %s', c.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    a.attidentity, a.attnum) || concat_ws(' ', pg_get_expr(d.adbin, d.adrelid), a.attacl::text,
    col_description(c.oid, a.attnum))
  FROM relations AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND c.relkind IN ('r', 'v')
  LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
UNION ALL
SELECT pg_get_constraintdef(oid) || conname || conrelid::regclass FROM pg_constraint
  WHERE connamespace = 'schemad'::regnamespace
UNION ALL SELECT pg_get_indexdef(oid) FROM relations WHERE relkind = 'i'
UNION ALL SELECT pg_get_viewdef(oid) FROM relations WHERE relkind = 'v'
UNION ALL
SELECT pg_get_triggerdef(t.oid) || obj_description(t.oid, 'pg_trigger') FROM pg_trigger AS t
  JOIN relations AS c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal
UNION ALL
SELECT pg_get_functiondef(oid)
    || concat_ws(' ', proacl::text, proowner::regrole::text, obj_description(oid, 'pg_proc'))
  FROM pg_proc WHERE pronamespace = 'schemad'::regnamespace
UNION ALL
SELECT concat_ws(' ', p.polname, c.oid::regclass, p.polcmd, p.polroles::regrole[]::text,
    pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid),
    obj_description(p.oid, 'pg_policy'))
  FROM pg_policy AS p JOIN relations AS c ON c.oid = p.polrelid
UNION ALL
SELECT concat_ws(' ', nspacl::text, obj_description(oid, 'pg_namespace')) FROM pg_namespace
  WHERE nspname = 'schemad'
UNION ALL SELECT 'public ' || nspacl::text FROM pg_namespace WHERE nspname = 'public'
UNION ALL SELECT file || checksum FROM schemad.migrations
UNION ALL SELECT (to_jsonb(p) - 'changed_at')::text FROM schemad.policy AS p
UNION ALL SELECT (to_jsonb(t) - 'added_at')::text FROM schemad.safe_types AS t
UNION ALL SELECT (to_jsonb(t) - 'added_at')::text FROM schemad.protected_tables AS t
"""
# The transaction that wrote each row of the catalog: a re-run that touched anything would be the later one.
WRITTEN_BY = """
SELECT 'class', oid::text, xmin::text FROM pg_class WHERE relnamespace = 'schemad'::regnamespace
UNION ALL SELECT 'proc', oid::text, xmin::text FROM pg_proc WHERE pronamespace = 'schemad'::regnamespace
UNION ALL SELECT 'trigger', oid::text, xmin::text FROM pg_trigger
UNION ALL SELECT 'policy', oid::text, xmin::text FROM pg_policy
UNION ALL SELECT 'description', objoid::text || objsubid::text, xmin::text FROM pg_description WHERE objoid > 16383
UNION ALL SELECT 'namespace', nspname, xmin::text FROM pg_namespace
UNION ALL SELECT 'migrations', file, xmin::text FROM schemad.migrations
UNION ALL SELECT 'policy row', version::text, xmin::text FROM schemad.policy
ORDER BY 1, 2
"""


def _append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


async def _catalog(connection: Connection) -> list[str]:
    return sorted(row[0] for row in await connection.fetch(CATALOG))


async def test_it_installs_into_an_empty_database(empty: Connection) -> None:
    with pytest.raises(SchemaMismatch, match="no schema schemad: run `schemad migrate`"):
        await require_current_schema(empty)
    assert await pending_files(empty) == ALL_FILES
    assert await migrate(empty) == ALL_FILES
    await require_current_schema(empty)
    rows = await empty.fetch(
        "SELECT file, checksum ~ '^[0-9a-f]{64}$', applied_by = session_user FROM schemad.migrations"
    )
    assert sorted(tuple(row) for row in rows) == sorted((name, True, True) for name in ALL_FILES)


async def test_running_it_again_changes_nothing(admin: Connection) -> None:
    before = await admin.fetch(WRITTEN_BY)
    assert await pending_files(admin) == []
    assert await migrate(admin) == []
    assert await migrate(admin, with_roles=False) == []
    assert await admin.fetch(WRITTEN_BY) == before


async def test_concurrent_runs_wait_for_each_other(empty_database: Database) -> None:
    async def run() -> list[str]:
        async with empty_database.connection() as connection:
            return await migrate(connection)

    runs = await asyncio.gather(*(run() for _ in range(4)))
    assert sorted(runs) == [[], [], [], ALL_FILES]


async def test_no_lock_stays_behind(empty_database: Database, empty: Connection) -> None:
    await migrate(empty)
    assert await empty.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0


async def test_a_changed_function_is_applied_anew_with_all_that_stands_beside_it(
    admin: Connection, sql: Path
) -> None:
    _append(sql / "functions" / "caller.sql", "COMMENT ON FUNCTION schemad.caller() IS 'changed';\n")
    with pytest.raises(SchemaMismatch, match="run `schemad migrate`"):
        await require_current_schema(admin)
    expected = [name for name in ALL_FILES if not name.startswith("migrations/")]
    assert await pending_files(admin) == expected
    assert await migrate(admin) == expected
    assert await admin.fetchval("SELECT obj_description('schemad.caller()'::regprocedure)") == "changed"
    await require_current_schema(admin)


async def test_re_applying_keeps_requests_policy_and_what_a_dba_granted(
    admin: Connection, app: Connection, sql: Path
) -> None:
    request_id = await submit(app, "notes", fields("a"))
    await admin.execute("UPDATE schemad.policy SET max_fields = 7")
    _append(sql / "views" / "pending_requests.sql", "-- another text\n")
    await migrate(admin)
    assert (await request_row(app, request_id))["status"] == "pending"
    assert await admin.fetchval("SELECT max_fields FROM schemad.policy") == 7


async def test_default_privileges_of_whoever_migrates_give_nothing_of_schemad_away(
    empty: Connection, sql: Path
) -> None:
    expected = await _catalog_after_migrate(empty)
    for of, what in (("USAGE", "SCHEMAS"), ("ALL", "TABLES"), ("ALL", "SEQUENCES"), ("EXECUTE", "FUNCTIONS")):
        for to in ("stranger", "PUBLIC"):
            await empty.execute(f"ALTER DEFAULT PRIVILEGES GRANT {of} ON {what} TO {to}")
    await empty.execute("DROP SCHEMA schemad CASCADE")
    assert await _catalog_after_migrate(empty) == expected
    # An upgrade's new ones neither; but what a DBA granted on those before stays.
    await empty.execute("GRANT EXECUTE ON FUNCTION schemad.set_policy TO stranger")
    _append(sql / "functions" / "caller.sql", "\nCREATE FUNCTION schemad.newer() RETURNS integer RETURN 1;")
    await migrate(empty)
    granted = "has_function_privilege('stranger', 'schemad.{}', 'EXECUTE')"
    assert not await empty.fetchval(f"SELECT {granted.format('newer()')}")
    assert await empty.fetchval(f"SELECT {granted.format('set_policy(text, text)')}")


async def _catalog_after_migrate(connection: Connection) -> list[str]:
    await migrate(connection)
    return await _catalog(connection)


async def test_a_new_migration_is_applied_once(admin: Connection, sql: Path) -> None:
    (sql / "migrations" / "0900_more.sql").write_text("CREATE TABLE schemad.more (id integer);\n")
    with pytest.raises(SchemaMismatch, match="run `schemad migrate`"):
        await require_current_schema(admin)
    assert (await migrate(admin))[0] == "migrations/0900_more.sql"
    assert await migrate(admin) == []


async def test_a_migration_that_fails_leaves_the_schema_as_it_was(admin: Connection, sql: Path) -> None:
    before = await _catalog(admin)
    (sql / "migrations" / "0900_bad.sql").write_text("CREATE TABLE schemad.half (id integer);\nSELECT 1 / 0;\n")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(admin)
    assert await _catalog(admin) == before
    assert await admin.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0


async def test_an_applied_migration_that_was_edited_is_an_error(admin: Connection, sql: Path) -> None:
    before = await admin.fetch(WRITTEN_BY)
    _append(sql / "migrations" / "0002_policy.sql", "-- a second thought\n")
    for look in (migrate, pending_files, pending_script):
        with pytest.raises(ChangedMigration, match=r"migrations/0002_policy\.sql was applied with another text"):
            await look(admin)
    assert await admin.fetch(WRITTEN_BY) == before


async def test_a_schema_of_a_newer_version_is_refused(admin: Connection) -> None:
    await admin.execute(NEWER)
    before = await admin.fetch(WRITTEN_BY)
    for look in (migrate, pending_files, pending_script, require_current_schema):
        with pytest.raises(
            SchemaMismatch, match=r"has migrations/9999_of_the_future\.sql\): upgrade schemad, `pip install"
        ):
            await look(admin)
    assert await admin.fetch(WRITTEN_BY) == before


async def test_without_a_schema_the_message_names_the_command(empty: Connection) -> None:
    with pytest.raises(SchemaMismatch, match="has no schema schemad: run `schemad migrate`"):
        await require_current_schema(empty)


@pytest.mark.parametrize(
    "spoil", [NEWER, "UPDATE schemad.migrations SET checksum = 'x'", "DROP SCHEMA schemad CASCADE"]
)
async def test_a_daemon_does_not_start_on_another_schema(
    database: Database, admin: Connection, spoil: str
) -> None:
    await admin.execute(spoil)
    with pytest.raises(SchemaMismatch, match=r"`(schemad migrate|pip install --upgrade schemad)`"):
        async with running_daemon(database.dsn()):
            pass


def _psql(database: Database) -> Path:
    """A psql of the server's version or newer, such as is on this machine."""
    with contextlib.suppress(BinariesNotFound):
        return find_binaries().psql
    return Path(shutil.which("psql") or "psql")


async def _run_psql(database: Database, script: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(str(_psql(database)), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database.dsn(), "-f", "-"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output, _ = await process.communicate(script.encode())
    assert process.returncode == 0, output.decode()


@pytest.fixture
def twin_database(template: Template) -> Iterator[Database]:
    """Another database without schemad."""
    with template.empty() as twin:
        yield twin


@pytest.fixture
async def twin(twin_database: Database) -> AsyncIterator[Connection]:
    """A superuser's connection to it."""
    async with twin_database.connection() as connection:
        yield connection


@pytest.mark.parametrize("with_roles", [True, False])
async def test_the_printed_script_makes_what_migrate_makes(
    empty_database: Database, empty: Connection, twin: Connection, *, with_roles: bool
) -> None:
    await _run_psql(empty_database, await pending_script(None, with_roles=with_roles))
    await require_current_schema(empty)
    assert await pending_files(empty, with_roles=with_roles) == []
    await migrate(twin, with_roles=with_roles)
    assert await _catalog(empty) == await _catalog(twin)


async def test_the_printed_script_of_a_current_schema_does_nothing(database: Database, admin: Connection) -> None:
    before = await admin.fetch(WRITTEN_BY)
    await _run_psql(database, await pending_script(admin))
    assert await admin.fetch(WRITTEN_BY) == before


async def test_the_printed_script_of_an_older_schema_brings_it_up_to_date(
    database: Database, admin: Connection, sql: Path
) -> None:
    (sql / "migrations" / "0900_more.sql").write_text("CREATE TABLE schemad.more (id integer);\n")
    await _run_psql(database, await pending_script(admin))
    await require_current_schema(admin)
    assert await pending_files(admin) == []
