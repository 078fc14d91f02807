"""`schemad psql`: what one asks most is a variable away, and no password is shown to whoever lists processes."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from schemad.cli.psql import VARIABLES, WELCOME, psql_call, split_password
from schemad.daemon import Daemon
from schemad.store import Connection
from tests.cli.program import EXIT_BAD_INPUT, EXIT_FAILED, Run, schemad
from tests.support.databases import Database, fields
from tests.support.requests import ask

HELD = {"fields": [{"name": "a", "type": "text", "default": {"expression": "current_setting('app.user')"}}]}
# What psql was called with and has in its environment, as seen from within.
LOOK = r"\! tr '\0' '\n' < /proc/$PPID/cmdline; echo; echo password=$PGPASSWORD"


async def psql(dsn: str, script: str, *arguments: str, **variables: str) -> Run:
    """Runs it; the daemon of this process works meanwhile."""
    return await asyncio.to_thread(schemad, "psql", "-X", *arguments, dsn=dsn, stdin=script, **variables)


async def test_each_variable_shows_what_its_name_says(
    database: Database, app: Connection, dba: Connection, daemon: Daemon
) -> None:
    await ask(app, "notes", fields("title"))
    held = (await ask(app, "held", HELD))["id"]
    run = await psql(database.dsn("dba_one"), f":pending\n:recent\n:created\n:explain {held};\n", "-A", "-t")
    assert (run.code, run.err) == (0, "")
    pending, recent, created, *explained = run.out.splitlines()
    assert pending.startswith(f"{held}|held|app_one|")
    assert "calls current_setting with 1 argument" in pending
    assert recent.split("|")[1:3] == ["notes", "app_one"]
    assert "low-risk: created public.notes" in recent
    assert created == "public.notes|app_one|active|1|id bigint NOT NULL, title text"
    told = "\n".join(explained)
    assert "review [expression.function_not_allowed] a: the default" in told
    assert 'CREATE TABLE "public"."held"' in told
    digest = await dba.fetchval("SELECT plan_digest FROM schemad.pending_requests")
    assert digest in told


async def test_the_password_is_not_on_the_command_line(database: Database) -> None:
    dsn = database.dsn("dba_one").replace("dba_one@", "dba_one:s%40cret@")
    run = await psql(dsn, LOOK)
    arguments, _, given = run.out.rpartition("password=")
    assert given == "s@cret\n"
    assert "dba_one@" in arguments
    assert "cret" not in arguments


async def test_an_empty_dsn_leaves_it_to_psql_s_own_variables(database: Database) -> None:
    parts = urlsplit(database.dsn())
    place = {
        "PGHOST": parts.hostname,
        "PGPORT": str(parts.port),
        "PGUSER": parts.username,
        "PGDATABASE": database.name,
    }
    run = await psql("", "", "-Atc", "SELECT current_database()", **{n: v for n, v in place.items() if v})
    assert (run.code, run.out, run.err) == (0, f"{database.name}\n", "")


async def test_psql_ends_with_its_own_exit_code_and_takes_arguments_of_its_own(
    database: Database, tmp_path: Path
) -> None:
    script = tmp_path / "script.sql"
    script.write_text("SELECT :'who';\nSELECT nonsense;\n", encoding="utf-8")
    run = await psql(database.dsn(), "", "-At", "-v", "ON_ERROR_STOP=1", "-v", "who=me", "-f", str(script))
    assert (run.code, run.out) == (3, "me\n")
    assert "nonsense" in run.err


async def test_errors_come_without_the_lines_of_the_functions_that_raised_them(database: Database) -> None:
    run = await psql(database.dsn("app_one"), "SELECT schemad.submit_request('me', 'a', '[]');\n")
    said = run.err.splitlines()
    assert [line.partition(":")[0] for line in said] == ["ERROR", "DETAIL", "HINT"]
    assert all(len(line) <= 80 for line in said)


@pytest.mark.parametrize(
    ("dsn", "bare", "password"),
    [
        ("postgresql://me@db/app", "postgresql://me@db/app", None),
        ("postgresql://me:s%3Acret@db:5433/app", "postgresql://me@db:5433/app", "s:cret"),
        ("postgresql://me:a@b@one,two:5433/app?x=1", "postgresql://me@one,two:5433/app?x=1", "a@b"),
        ("postgresql://me@db/app?password=p%26w&sslmode=require", "postgresql://me@db/app?sslmode=require", "p&w"),
        ("postgresql://me@db/app?sslkey=k&sslpassword=p", "postgresql://me@db/app?sslkey=k", None),
        ("postgres://me:first@db/app?password=second", "postgres://me@db/app", "first"),
        ("postgresql:///app?host=/run/postgresql", "postgresql:///app?host=/run/postgresql", None),
        ("postgresql://[::1]:5432/app", "postgresql://[::1]:5432/app", None),
        ("postgresql://me:pw@[::1],db:5433/app", "postgresql://me@[::1],db:5433/app", "pw"),
    ],
)
def test_a_dsn_is_told_from_its_password(dsn: str, bare: str, password: str | None) -> None:
    assert split_password(dsn) == (bare, password)


def test_without_a_dsn_psqls_own_variables_count() -> None:
    command, environment = psql_call(None, ["-c", "x"], {"PGHOST": "db"})
    assert not [each for each in command if each.startswith("--dbname")]
    assert environment == {"PGHOST": "db"}
    assert command[-2:] == ["-c", "x"]


@pytest.mark.parametrize(
    "dsn",
    [
        "host=db password=secret",
        "db.internal/app",
        "postgresql://[::1/app",
        "postgresql://me:secret",
        "postgresql://me:secret/app",
        "postgresql://me@one:5432,two:secret/app",
        "postgresql://me@[::1]:secret/app",
    ],
)
def test_a_dsn_that_cant_be_read_is_said_in_words_without_its_password(dsn: str) -> None:
    run = schemad("psql", dsn=dsn)
    assert run.code == EXIT_BAD_INPUT
    assert "postgresql://user@host:5432/database" in run.err
    assert "secret" not in run.err


def test_where_there_is_no_psql_it_says_what_to_install(tmp_path: Path) -> None:
    run = schemad("psql", PATH=str(tmp_path), SCHEMAD_PG_BIN=str(tmp_path))
    assert run.code == EXIT_FAILED
    assert "there is no psql" in run.err


def test_the_welcome_names_every_variable_and_fits_a_terminal() -> None:
    assert all(f":{name}" in WELCOME for name in VARIABLES)
    assert len(f"hint: {WELCOME}") <= 80
