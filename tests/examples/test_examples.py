"""The examples run as they are, as an application's login, and meet each kind of error that they are ready for."""

import asyncio
import importlib.util
import os
import re
import shutil
import sys

import pytest

from schemad.daemon import Daemon
from schemad.embedded.binaries import find_binaries
from schemad.store import Connection
from tests.cli.program import environment
from tests.docs.pages import ROOT
from tests.support.databases import Database

DIRECTORY = ROOT / "examples"
PATIENCE = 60.0
# What each one prints, in this order; an example may print more between them.
STORY = [
    r"approved: approved by schemad: low-risk: created public\.tasks with 3 fields",
    r"rows: 1",
    r"refused: 22023.*",
    r"review: waits for review: owner: the default \(current_setting\('app\.user'\)\) calls .*",
    r"failed: .*smallint out of range.*",
    r"same request: (true|True)",
    r"key reused: 23505",
    r"told: approved",
    r"after the rollback: 0",
    r"after the commit: approved",
]
LIMITED = r"(.*NOTICE:  )?limited: '\w+' has made 1 requests? within a minute"
# Somebody asked a while ago. The first request comes too soon, and the one that comes back as it is told does not,
# however long the example takes to start: a sequence stays counted where the rest is rolled back.
ASKED = """
SET session_replication_role = replica;
INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload, status, verdict, created_at,
  processed_at, requested_by, requested_login)
SELECT who, 'earlier', '{}', 'cancelled', 'review', now() - interval '2 minutes', now(), 'app_one', 'app_one'
FROM unnest($1::text[]) AS who;
RESET session_replication_role;
CREATE SEQUENCE public.asked;
CREATE FUNCTION public.ask_too_soon() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET session_replication_role = replica AS $$
BEGIN
  IF nextval('public.asked') = 1 THEN
    UPDATE schemad.schema_requests SET created_at = clock_timestamp() - interval '58 s'
    WHERE schema_name = 'earlier';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER ask_too_soon BEFORE INSERT ON schemad.schema_requests EXECUTE FUNCTION public.ask_too_soon()
"""


def _python(name: str, *modules: str) -> tuple[list[str], str | None]:
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    why = f"not installed: {', '.join(missing)} (make install)" if missing else None
    return [sys.executable, "-W", "error", str(DIRECTORY / name)], why


def _node(name: str) -> tuple[list[str], str | None]:
    why = None
    if shutil.which("node") is None:
        why = "there is no node"
    elif not (DIRECTORY / "node_modules" / "pg").is_dir():
        why = "the package pg is not installed: make examples"
    return ["node", str(DIRECTORY / name)], why


def _psql(name: str) -> tuple[list[str], str | None]:
    return [str(find_binaries().psql), "-X", "-q", "-f", str(DIRECTORY / name)], None


# Each example with the requester that it names, how it is run, and why it can't be.
EXAMPLES = {
    "with_psql.sql": ("psql", _psql("with_psql.sql")),
    "with_asyncpg.py": ("asyncpg", _python("with_asyncpg.py", "asyncpg")),
    "with_psycopg.py": ("psycopg", _python("with_psycopg.py", "psycopg")),
    "with_sqlalchemy.py": ("sqlalchemy", _python("with_sqlalchemy.py", "sqlalchemy", "psycopg")),
    "with_pg.mjs": ("node", _node("with_pg.mjs")),
}


async def run(name: str, database: Database) -> list[str]:
    """Runs an example; the daemon of this process works meanwhile. Returns what it printed."""
    command, missing = EXAMPLES[name][1]
    if missing:
        pytest.skip(missing)
    dsn = database.dsn("app_one")
    if name.endswith(".sql"):
        command = [*command, "-d", dsn]
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment(dsn) | {"PATH": os.environ["PATH"]},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(PATIENCE):
        output, _ = await process.communicate()
    printed = output.decode()
    assert process.returncode == 0, printed
    return printed.splitlines()


def assert_tells(printed: list[str], story: list[str]) -> None:
    """Asserts that each line of the story was printed, after the ones before it."""
    lines = iter(printed)
    for line in story:
        assert any(re.fullmatch(line, each) for each in lines), f"{line!r} is not there in:\n" + "\n".join(printed)


def test_every_example_is_run_and_listed() -> None:
    found = {path.name for path in DIRECTORY.glob("with_*")}
    assert found == set(EXAMPLES)
    listed = re.findall(
        r"^\| \[`(\S+)`\]\((\S+)\)", (DIRECTORY / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {shown for shown, _ in listed} == {target for _, target in listed} == found


@pytest.mark.parametrize("name", EXAMPLES)
async def test_an_example_meets_what_it_is_ready_for(
    name: str, database: Database, admin: Connection, daemon: Daemon
) -> None:
    printed = await run(name, database)
    assert_tells(printed, STORY)
    assert not [line for line in printed if re.fullmatch(LIMITED, line)]
    kept = await admin.fetch("SELECT title FROM public.tasks")
    assert [row["title"] for row in kept] == ["write an example"]
    assert await admin.fetchval("SELECT to_regclass('public.notes') IS NOT NULL")
    waiting = await admin.fetchval("SELECT count(*) FROM schemad.pending_requests")
    assert waiting == 0


@pytest.mark.parametrize("name", EXAMPLES)
async def test_an_example_comes_back_when_a_limit_says_so(
    name: str, database: Database, admin: Connection, daemon: Daemon
) -> None:
    who = EXAMPLES[name][0]
    await admin.execute(ASKED.replace("$1", f"'{{{who}}}'"))
    # Taken back by the first request, as the example makes more of them than one.
    await admin.execute(
        """
        SELECT schemad.set_policy('requests_per_minute_and_user', '1');
        CREATE FUNCTION public.lift() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
          PERFORM schemad.set_policy('requests_per_minute_and_user', NULL);
          RETURN NULL;
        END $$;
        CREATE TRIGGER lift AFTER INSERT ON schemad.schema_requests EXECUTE FUNCTION public.lift()
        """
    )
    printed = await run(name, database)
    assert_tells(printed, [LIMITED, *STORY])
