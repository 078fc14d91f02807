"""Pages on operations are true: what they have typed is run, in their order, on a server of its own."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from schemad.embedded import EmbeddedPostgres, installed_majors
from schemad.store import Connection, connect, migrate
from tests.cli.program import environment
from tests.docs.pages import ROOT, blocks, shown_by
from tests.support.daemons import running_daemon
from tests.support.databases import fields
from tests.support.own_servers import (
    NO_SERVERS,
    NO_SERVERS_REASON,
    new_database,
    own_directory,
    own_server,
    standby_of,
)
from tests.support.pooler import NO_POOLER_REASON, PROGRAM, running_pooler
from tests.support.requests import ask, decided, submit
from tests.support.servers import SERVER_SETTINGS

PATIENCE = 60.0
HOW_TO = ROOT / "docs" / "how-to"
# The host that pages name.
HOST = "db.internal"
HELD = {"fields": [{"name": "a", "type": "text", "default": {"expression": "current_setting('app.user')"}}]}

pytestmark = pytest.mark.skipif(NO_SERVERS, reason=NO_SERVERS_REASON)


@dataclass(frozen=True, slots=True)
class Managed:
    """A server, of whose superuser nobody knows: there is app_admin, which may create databases and roles."""

    server: EmbeddedPostgres
    directory: Path

    def dsn(self, user: str, database: str = "app") -> str:
        """The DSN of a login."""
        return f"postgresql://{user}@127.0.0.1:{self.server.port}/{database}"

    def type(self, page: str, dsn: str, runner: str = "operations") -> str:
        """Types what a page has typed by a test, all of it in one shell; returns what it printed."""
        typed = "\n".join(block.text for block in shown_by(runner, HOW_TO / page))
        assert typed
        typed = typed.replace(HOST, f"127.0.0.1:{self.server.port}")
        programs = [str(Path(sys.executable).parent), str(self.server.binaries.bin_dir), os.environ["PATH"]]
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", typed],
            cwd=self.directory,
            env=environment(dsn, PATH=os.pathsep.join(programs)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, f"{page} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout


@contextlib.asynccontextmanager
async def opened(dsn: str) -> AsyncIterator[Connection]:
    """A connection."""
    connection = await connect(dsn, job="test")
    try:
        yield connection
    finally:
        connection.terminate()


@pytest.fixture(params=installed_majors())
def managed(request: pytest.FixtureRequest) -> Iterator[Managed]:
    """A server of each version that is installed here."""
    with (
        own_directory() as directory,
        EmbeddedPostgres(directory / "data", major=request.param, settings=SERVER_SETTINGS) as server,
    ):
        asyncio.run(_make_admin(server))
        yield Managed(server, directory)


async def _make_admin(server: EmbeddedPostgres) -> None:
    async with opened(server.dsn()) as superuser:
        await superuser.execute("CREATE ROLE app_admin LOGIN CREATEROLE CREATEDB")


def test_without_a_superuser_it_is_installed_used_and_taken_away(managed: Managed) -> None:
    said = managed.type("install-on-managed-postgresql.md", managed.dsn("app_admin"))
    assert "daemon's privileges: schemad_service has what the daemon needs" in said

    async def use() -> None:
        async with running_daemon(managed.dsn("schemad_service")), opened(managed.dsn("shop")) as shop:
            assert (await ask(shop, "notes", fields("a")))["status"] == "approved"
            await shop.execute("INSERT INTO notes (a) VALUES ('kept')")
            held = (await ask(shop, "held", HELD))["id"]
            async with opened(managed.dsn("alice")) as alice:
                await alice.execute("SELECT schemad.approve_request($1, 'fine')", held)
                assert (await decided(shop, held))["status"] == "approved"

    asyncio.run(use())
    assert "nothing to do" in managed.type("upgrade.md", managed.dsn("app_admin"))
    managed.type("uninstall.md", managed.dsn("app_admin"))

    async def look() -> None:
        async with opened(managed.dsn("shop")) as shop:
            assert await shop.fetchval("SELECT a FROM notes") == "kept"
            assert await shop.fetchval("SELECT to_regnamespace('schemad') IS NULL")
            assert await shop.fetchval("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'schemad\\_%'") == 1
            assert await shop.fetchval("SELECT rolname FROM pg_roles WHERE rolname LIKE 'schemad\\_%'") == (
                "schemad_service"
            )

    asyncio.run(look())


def test_a_restored_backup_has_what_was_made_and_decides_what_waited(managed: Managed) -> None:
    async def prepare() -> None:
        async with opened(managed.server.dsn()) as superuser:
            await superuser.execute("CREATE DATABASE app")
        async with opened(managed.dsn("postgres")) as superuser:
            await migrate(superuser)
            await superuser.execute("CREATE ROLE shop LOGIN; GRANT schemad_requester TO shop")
            await superuser.execute("CREATE ROLE schemad_service LOGIN; GRANT schemad_daemon TO schemad_service")
        async with opened(managed.dsn("shop")) as shop:
            async with running_daemon(managed.dsn("schemad_service")):
                await ask(shop, "notes", fields("a"))
            await shop.execute("INSERT INTO notes (a) VALUES ('kept')")
            await submit(shop, "waits", fields("a"))

    asyncio.run(prepare())
    assert "current" in managed.type("back-up-and-restore.md", managed.dsn("postgres"), "backup")

    async def look() -> None:
        async with opened(managed.dsn("shop", "restored")) as shop:
            assert await shop.fetchval("SELECT a FROM notes") == "kept"
            (waiting,) = await shop.fetch("SELECT id, schema_name, state FROM schemad.pending_requests")
            assert (waiting["schema_name"], waiting["state"]) == ("waits", "queued")
            async with running_daemon(managed.dsn("schemad_service", "restored")):
                assert (await decided(shop, waiting["id"]))["status"] == "approved"
                # Asked for again, what was made is found as it is.
                again = await ask(shop, "notes", fields("a"))
                assert again["decision_reason"] == "low-risk: public.notes has all of it already"

    asyncio.run(look())


def test_a_standby_can_be_read_and_refuses_requests() -> None:
    with own_server() as primary:
        database = new_database(primary)

        async def use() -> None:
            async with running_daemon(database.dsn("daemon_login")), opened(database.dsn("app_one")) as app:
                await ask(app, "notes", fields("a"))

        asyncio.run(use())
        with standby_of(primary) as standby:

            async def look() -> None:
                async with opened(standby.dsn(database.name, "app_one")) as reader:
                    for view in ("recent_decisions", "created_tables", "list_requests()"):
                        assert await reader.fetchval(f"SELECT count(*) FROM schemad.{view}") == 1
                    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):  # 25006
                        await submit(reader, "more", fields("a"))

            asyncio.run(look())


@pytest.mark.skipif(PROGRAM is None, reason=NO_POOLER_REASON)
def test_applications_work_behind_pgbouncer_as_the_page_shows(managed: Managed) -> None:
    (shown,) = [block for block in blocks(HOW_TO / "run-behind-pgbouncer.md") if block.language == "python"]

    async def use() -> None:
        async with opened(managed.server.dsn()) as superuser:
            await migrate(superuser)
            await superuser.execute("CREATE ROLE shop LOGIN; GRANT schemad_requester TO shop")
        direct = managed.dsn("shop", "postgres")
        async with running_daemon(managed.server.dsn()):
            with running_pooler(direct) as pooled:
                printed = await asyncio.to_thread(_python, shown.text, pooled)
                assert printed.splitlines() == list(shown.shown)
                called = await asyncio.to_thread(_python, CALL, pooled)
                assert called.split() == ["approved", "refused"]

    asyncio.run(use())


# What the page says of CALL, and of waiting in the transaction that submitted.
CALL = """
import os, psycopg
with psycopg.connect(os.environ["SCHEMAD_DSN"], autocommit=True, prepare_threshold=None) as connection:
    payload = '{"fields": [{"name": "a", "type": "text"}]}'
    print(connection.execute("CALL schemad.create_table('me', 'called', %s)", [payload]).fetchone()[1])
    try:
        with connection.transaction():
            submit = connection.execute("SELECT schemad.submit_request('me', 'more', %s)", [payload]).fetchone()
            connection.execute("SELECT schemad.wait_for_request(%s)", submit)
    except psycopg.errors.ObjectNotInPrerequisiteState:
        print("refused")
"""


def _python(program: str, dsn: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(dsn),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
