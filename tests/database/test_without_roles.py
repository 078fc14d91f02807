"""Without roles: what a managed server leaves to the owner of a database, and roles that are installed later."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from schemad.store import Connection, migrate, sql_files
from schemad.store.migrate import pending_files, require_current_schema
from tests.database.asking import hold, refusal, submit
from tests.support.daemons import running_daemon
from tests.support.databases import Database, Template, fields
from tests.support.requests import ask

pytestmark = pytest.mark.every_server

NO_ROLES = [f.name for f in (*sql_files.migrations(), *sql_files.reapplied())]
BARRIER = "schemad.run_as_owner(text)"
RUN = "SELECT schemad.run_as_owner('CREATE TABLE public.proof ()')"


@pytest.fixture
def owned(template: Template) -> Iterator[Database]:
    """An empty database of a login that is no superuser and makes no roles."""
    owner = f"owner_{os.getpid()}"
    asyncio.run(template.run(f"CREATE ROLE {owner} LOGIN"))
    try:
        with template.empty() as database:
            asyncio.run(template.run(f"ALTER DATABASE {database.name} OWNER TO {owner}"))
            yield database
    finally:
        asyncio.run(template.run(f"DROP ROLE {owner}"))


@pytest.fixture
async def owner(owned: Database) -> AsyncIterator[Connection]:
    """That login's connection."""
    async with owned.connection(f"owner_{os.getpid()}") as connection:
        yield connection


async def test_the_owner_of_a_database_installs_without_roles(owner: Connection) -> None:
    assert await pending_files(owner, with_roles=False) == NO_ROLES
    assert await migrate(owner, with_roles=False) == NO_ROLES
    await require_current_schema(owner)
    assert await migrate(owner, with_roles=False) == []
    assert await owner.fetchval("SELECT owner_role FROM schemad.policy") is None


async def test_a_daemon_as_that_owner_creates_tables(owned: Database, owner: Connection) -> None:
    await migrate(owner, with_roles=False)
    async with running_daemon(owned.dsn(f"owner_{os.getpid()}")):
        request_id = await submit(owner, "notes", fields("title"))
        row = await owner.fetchrow("SELECT * FROM schemad.wait_for_request($1, '20 s')", request_id)
    assert row is not None
    assert (row["status"], row["verdict"]) == ("approved", "auto")
    await owner.execute("INSERT INTO notes (title) VALUES ('hello')")


async def test_without_roles_too_nothing_is_open_to_public(owned: Database, owner: Connection) -> None:
    """Whoever is let into the schema, to ask, is not thereby let in to decide."""
    await migrate(owner, with_roles=False)
    await owner.execute("GRANT USAGE ON SCHEMA schemad TO stranger")
    request_id = await submit(owner, "notes", fields("a"))
    await hold(owner, request_id)
    async with owned.connection("stranger") as stranger:
        for function in ("approve_request($1, 'x')", "reject_request($1, 'x')"):
            assert (await refusal(stranger.execute(f"SELECT schemad.{function}", request_id))).sqlstate == "42501"


async def test_roles_can_be_installed_later(empty: Connection) -> None:
    await migrate(empty, with_roles=False)
    assert await migrate(empty) == []
    applied = await migrate(empty, with_roles=True)
    assert [name for name in applied if name.startswith("roles/")] == [f.name for f in sql_files.roles()]
    assert await pending_files(empty) == []


async def test_a_daemon_of_roles_that_were_installed_later_can_not_act_as_whoever_installed(
    empty_database: Database, empty: Connection
) -> None:
    await migrate(empty, with_roles=False)
    await migrate(empty, with_roles=True)
    async with empty_database.connection("daemon_login") as login:
        assert (await refusal(login.execute(RUN))).message == "permission denied for function run_as_owner"
        await empty.execute(f"GRANT EXECUTE ON FUNCTION {BARRIER} TO schemad_daemon")
        refused = await refusal(login.execute(RUN))
        assert refused.sqlstate == "42501"
        assert refused.message == "nothing runs as postgres"
        # The owner that the policy comes to name is told; without one, what it is to be.
        assert "OWNER TO a role that owns nothing but created tables" in (refused.hint or "")
        await empty.execute("SELECT schemad.set_policy('owner_role', 'schemad_owner')")
        refused = await refusal(login.execute(RUN))
        assert f"ALTER FUNCTION {BARRIER} OWNER TO schemad_owner" in (refused.hint or "")


async def test_roles_that_were_installed_later_are_worked_with_before_and_after_tables_have_an_owner(
    empty_database: Database, empty: Connection
) -> None:
    await migrate(empty, with_roles=False)
    await migrate(empty, with_roles=True)
    own = "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = $1"
    async with empty_database.connection("app_one") as app, running_daemon(empty_database.dsn("daemon_login")):
        assert (await ask(app, "notes", fields("a")))["status"] == "approved"
        assert await empty.fetchval(own, "notes") == "daemon_login"
        await empty.execute("SELECT schemad.set_policy('owner_role', 'schemad_owner')")
        assert (await ask(app, "orders", fields("a")))["status"] == "approved"
        await empty.execute(f"ALTER FUNCTION {BARRIER} OWNER TO schemad_owner")
        assert (await ask(app, "bills", fields("a")))["status"] == "approved"
        assert {await empty.fetchval(own, name) for name in ("orders", "bills")} == {"schemad_owner"}


async def test_an_upgrade_without_roles_gives_what_is_new_to_nobody(empty: Connection, sql: Path) -> None:
    await migrate(empty)
    owner_role = await empty.fetchval("SELECT owner_role FROM schemad.policy")
    with (sql / "functions" / "caller.sql").open("a") as file:
        file.write("CREATE FUNCTION schemad.newer() RETURNS integer RETURN 1;\n")
    await migrate(empty, with_roles=False)
    assert not await empty.fetchval("SELECT has_function_privilege('stranger', 'schemad.newer()', 'EXECUTE')")
    # What the roles had they have.
    assert await empty.fetchval(f"SELECT has_function_privilege('schemad_daemon', '{BARRIER}', 'EXECUTE')")
    assert await empty.fetchval("SELECT owner_role FROM schemad.policy") == owner_role


async def test_an_owner_of_tables_that_owns_the_schema_keeps_its_rights_and_gets_no_barrier(
    owned: Database, owner: Connection
) -> None:
    name = f"owner_{os.getpid()}"
    await migrate(owner, with_roles=False)
    async with owned.connection() as superuser:
        # As a restore would have it: no trigger looks.
        await superuser.execute(
            f"SET session_replication_role = replica; UPDATE schemad.policy SET owner_role = '{name}'"
        )
        await superuser.execute("RESET session_replication_role")
        await migrate(superuser, with_roles=True)
        assert await superuser.fetchval(f"SELECT has_schema_privilege('{name}', 'schemad', 'CREATE')")
        assert not await superuser.fetchval(
            f"SELECT has_function_privilege('schemad_daemon', '{BARRIER}', 'EXECUTE')"
        )
    assert (await refusal(owner.execute(RUN))).message == f"nothing runs as {name}"


async def test_it_installs_into_a_database_without_the_schema_of_tables(
    empty_database: Database, empty: Connection
) -> None:
    await empty.execute("DROP SCHEMA public")
    await migrate(empty)
    await require_current_schema(empty)
    await empty.execute(
        "CREATE SCHEMA public; GRANT USAGE, CREATE ON SCHEMA public TO schemad_owner; "
        "GRANT USAGE ON SCHEMA public TO schemad_requester"
    )
    async with empty_database.connection("app_one") as app, running_daemon(empty_database.dsn("daemon_login")):
        assert (await ask(app, "notes", fields("a")))["status"] == "approved"
