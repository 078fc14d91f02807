"""The pages are true: what they show is run, on a database with a daemon, and prints what they say it prints."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path

import pytest

from schemad.daemon import Daemon
from schemad.embedded.binaries import find_binaries
from schemad.store import Connection
from tests.docs.pages import ROOT, Block, blocks, commands, missing_line, pages
from tests.support.databases import Database
from tests.support.servers import server_names

# Logins that pages make. They belong to the cluster, so they are dropped after each page.
PAGE_LOGINS = ("schemad_service", "shop", "alice", "carol")
# The superuser of `schemad dev`, whose name pages show.
SUPERUSER = "postgres"
# What a make target runs, without installing it once more.
TARGETS = {"make demo": "schemad demo"}
PATIENCE = 60.0
# A program that can't be run here would have submitted a request: later ones keep the ids that the page shows.
TAKE_ID = "SELECT nextval(pg_get_serial_sequence('schemad.schema_requests', 'id'))"

RUN = {"sql", "console", "python"}
RUN_PAGES = [page for page in pages() if any(b.language in RUN and not b.runner for b in blocks(page))]

# Logins are the cluster's: pages that make them must not meet.
pytestmark = pytest.mark.xdist_group("documentation")


@pytest.fixture
async def like_dev(admin: Connection, daemon: Daemon) -> AsyncIterator[None]:
    """A database as `schemad dev` has it: a daemon runs, and one may approve one's own requests."""
    await admin.execute("UPDATE schemad.policy SET allow_self_approval = true")
    made = () if await admin.fetchval("SELECT to_regrole($1) IS NOT NULL", SUPERUSER) else (SUPERUSER,)
    if made:
        await admin.execute(f"CREATE ROLE {SUPERUSER} SUPERUSER LOGIN")
    yield
    for login in (*PAGE_LOGINS, *made):
        if await admin.fetchval("SELECT to_regrole($1) IS NOT NULL", login):
            await admin.execute(f"DROP OWNED BY {login}; DROP ROLE {login}")


# On one server: a page says nothing of versions, and what it calls is tested on each elsewhere.
@pytest.mark.parametrize("server", server_names()[-1:], indirect=True)
@pytest.mark.parametrize("page", RUN_PAGES, ids=lambda page: str(page.relative_to(ROOT)))
async def test_what_a_page_shows_happens(
    page: Path, like_dev: None, admin: Connection, database: Database, tmp_path: Path
) -> None:
    for block in blocks(page):
        if block.runner:
            continue  # it is run elsewhere
        if block.file_name:
            (tmp_path / block.file_name).write_text(block.text, encoding="utf-8")
        match block.language:
            case "sql":
                psql = [str(find_binaries().psql), "-X", "-v", "ON_ERROR_STOP=1"]
                psql += ["-d", database.dsn(block.login or SUPERUSER)]
                await run(block, psql, block.shown, database, tmp_path, standard_input=block.text)
            case "python" if not block.file_name:
                await run(block, [sys.executable, "-c", block.text], block.shown, database, tmp_path)
            case "console":
                kept = [(c, s) for c, s in commands(block) if not c.startswith("node ") or node_has_pg()]
                for _ in range(len([*commands(block)]) - len(kept)):
                    await admin.execute(TAKE_ID)
                script = "\n".join(TARGETS.get(command, command) for command, _ in kept)
                shown = tuple(line for _, lines in kept for line in lines)
                await run(block, ["bash", "-c" if block.fails else "-ec", script], shown, database, tmp_path)


async def run(
    block: Block,
    command: list[str],
    shown: tuple[str, ...],
    database: Database,
    directory: Path,
    standard_input: str = "",
) -> None:
    """Runs a block; the daemon of this process works meanwhile."""
    programs = [str(Path(sys.executable).parent), str(find_binaries().psql.parent), os.environ["PATH"]]
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=directory,
        env=os.environ
        | {"PATH": os.pathsep.join(programs), "SCHEMAD_DSN": database.dsn(SUPERUSER), "COLUMNS": "200"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(PATIENCE):
        output, _ = await process.communicate(standard_input.encode())
    printed = output.decode()
    assert (process.returncode != 0) is block.fails, f"{block.place} ended with {process.returncode}:\n{printed}"
    missing = missing_line(shown, printed)
    assert missing is None, f"{block.place} does not print {missing!r} there, but:\n{printed}"


@cache
def node_has_pg() -> bool:
    """Whether JavaScript with the module pg can be run here."""
    if shutil.which("node") is None:
        return False
    return subprocess.run(["node", "-e", "require('pg')"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
def test_javascript_is_sound(tmp_path: Path) -> None:
    found = [block for page in pages() for block in blocks(page) if block.language == "js"]
    assert found
    for block in found:
        file = tmp_path / "block.js"
        file.write_text(block.text, encoding="utf-8")
        checked = subprocess.run(["node", "--check", str(file)], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, f"{block.place}: {checked.stderr}"


def test_json_is_sound() -> None:
    found = [block for page in pages() for block in blocks(page) if block.language == "json"]
    assert found
    for block in found:
        try:
            json.loads(block.text)
        except ValueError as error:
            pytest.fail(f"{block.place}: {error}")
