"""What pages have a reader type on a machine of theirs is typed: installing, starting, measuring, make."""

import asyncio
import contextlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.peers.__main__ import parser as peers_parser
from schemad.bench.bench import QUICK, Sizes
from schemad.bench.failure import BenchFailed
from schemad.bench.run import Measure
from schemad.cli import bench
from schemad.cli.app import program
from schemad.daemon import Daemon
from schemad.store import Connection
from tests.cli.program import environment
from tests.docker.stand_ins.__main__ import main as make_stand_ins
from tests.docs.pages import ROOT, Block, each_block, shown_by
from tests.observe.test_tracing import Collector, collector  # noqa: F401 - a fixture
from tests.support.databases import Database, fields
from tests.support.requests import decided, submit
from tests.support.servers import server_names

PATIENCE = 60.0
on_one_server = pytest.mark.parametrize("server", server_names()[-1:], indirect=True)
# Where `schemad dev` is started without a word on its port, somebody's own may run.
FREE_PORT = ("schemad dev", "schemad dev --port 0")
# pip as it is typed, without a network: it resolves with what is installed, and installs nothing.
DRY_PIP = {
    "PIP_DRY_RUN": "1",
    "PIP_NO_INDEX": "1",
    "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it the other way round
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}


def programs() -> str:
    """A PATH on which this environment's programs are first."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def typed(text: str, directory: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """What came of a text that was typed into a shell in this directory."""
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=directory,
        env=environment(PATH=programs(), **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


class Typed:
    """A shell in which something was typed that ends by a signal alone."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.printed: list[str] = []

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, text: str, directory: Path, **variables: str) -> AsyncIterator["Typed"]:
        """Types it; what still runs at the end is killed."""
        process = await asyncio.create_subprocess_exec(
            *("bash", "-euo", "pipefail", "-c", text),
            cwd=directory,
            env=environment(PATH=programs(), **variables),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield cls(process)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.communicate()

    async def until(self, said: str) -> None:
        """Waits until it prints a line with this in it."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            async for line in self._process.stdout:
                self.printed.append(line.decode())
                if said in self.printed[-1]:
                    return
        raise AssertionError(f"it ended without {said!r}:\n{''.join(self.printed)}")

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to what was typed last."""
        self._process.send_signal(number)

    async def end(self, number: signal.Signals) -> int:
        """Its exit code after a signal to all of it, as a terminal sends one."""
        os.killpg(self._process.pid, number)
        async with asyncio.timeout(PATIENCE):
            rest, _ = await self._process.communicate()
        self.printed.append(rest.decode())
        assert self._process.returncode is not None
        return self._process.returncode


def distinct(blocks: list[Block]) -> Iterator[str]:
    """What is typed in them, comments left out, and nothing twice."""
    lines = ([line.partition(" #")[0].rstrip() for line in block.text.splitlines()] for block in blocks)
    yield from dict.fromkeys("\n".join(each) for each in lines)


async def test_the_quick_start_brings_a_server_with_a_daemon_and_the_lines_that_lead_to_it(tmp_path: Path) -> None:
    (start,) = distinct(shown_by("dev"))
    # Installing is what brought this test here, so it is looked at only.
    text = start.replace("make install", f"make --directory {ROOT} --dry-run install").replace(*FREE_PORT)
    assert text.endswith(FREE_PORT[1])
    text = f"{text.removesuffix(FREE_PORT[1])}exec {FREE_PORT[1]}"
    (tmp_path / ".venv").symlink_to(sys.prefix)
    async with Typed.running(text, tmp_path, XDG_DATA_HOME=str(tmp_path / "data")) as first:
        await first.until("Ctrl-C ends both")
        said = "".join(first.printed)
        export = re.search(r"^  (export SCHEMAD_DSN=\S+)$", said, re.MULTILINE)
        psql = re.search(r"^  (\S*psql \S+)$", said, re.MULTILINE)
        assert export
        assert psql
        call = f"CALL schemad.create_table('me', 'notes', '{json.dumps(fields('title'))}')"
        other = f"{export[1]}\nschemad migrate --check\n{psql[1]} --command {shlex.quote(call)}"
        asked = await asyncio.to_thread(typed, other, tmp_path)
        assert asked.returncode == 0, asked.stdout
        assert re.search(r"^ +1 \| approved \| auto ", asked.stdout, re.MULTILINE), asked.stdout
        assert await first.end(signal.SIGINT) == 0
    assert (tmp_path / "data" / "schemad" / "dev").is_dir()


@on_one_server
@each_block("run")
async def test_a_daemon_runs_as_a_page_starts_it(
    block: Block,
    database: Database,
    app: Connection,
    collector: Collector,  # noqa: F811 - the fixture
    tmp_path: Path,
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ours = database.dsn("daemon_login")
    file = tmp_path / "schemad.env"
    file.write_text("", encoding="utf-8")
    # What is the reader's is the test's here.
    places = {
        "postgresql://schemad_service@db.internal/app": ours,
        "postgresql://schemad_service@db1.internal,": re.sub(r"@.*", "@127.0.0.1:1,", ours),
        "db2.internal/app": ours.partition("@")[2],
        "127.0.0.1:9187": f"127.0.0.1:{port}",
        "/etc/schemad/schemad.env": str(file),
        "http://collector.internal:4318": collector.url,
    }
    text, named = block.text, {place for place in places if place in block.text}
    for place in named:
        text = text.replace(place, places[place])
    text = text.removesuffix("schemad run\n") + "exec schemad run"
    variables = {"SCHEMAD_DSN": ours, "SCHEMAD_LOG_FORMAT": "json", "SCHEMAD_ENABLE_AUTO_CREATE": "true"}
    async with Typed.running(text, ROOT, **(variables | DRY_PIP)) as daemon:
        await daemon.until('"event": "daemon.ready"')
        assert (await decided(app, await submit(app, "notes", fields("a"))))["status"] == "approved"
        if "127.0.0.1:9187" in named:
            assert b"schemad_ready 1.0" in await pages_of(port, "/metrics")
            assert json.loads(await pages_of(port, "/readyz"))["status"] == "ok"
        if "/etc/schemad/schemad.env" in named:
            (line,) = re.findall(r"# lines such as (SCHEMAD_\w+=\w+)$", block.text, re.MULTILINE)
            file.write_text(f"{line}\n", encoding="utf-8")
            daemon.send(signal.SIGHUP)
            await daemon.until('"event": "settings.reloaded"')
        assert await daemon.end(signal.SIGTERM) == 0
    if "http://collector.internal:4318" in named:
        assert {"schemad.drain", "schemad.decide", "schemad.apply"} <= {span.name for span in collector.spans}


async def pages_of(port: int, page: str) -> bytes:
    """What a daemon tells on a page."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(PATIENCE):
        writer.write(f"GET {page} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        answer = await reader.read()
    writer.close()
    return answer.partition(b"\r\n\r\n")[2]


@each_block("pip")
def test_pip_finds_the_program_and_each_extra(block: Block) -> None:
    run = typed(block.text, ROOT, **DRY_PIP)
    assert run.returncode == 0, run.stdout
    assert "WARNING" not in run.stdout, run.stdout  # which is how it says that there is no such extra
    assert run.stdout.count("Would install schemad-") == block.text.count("pip install"), run.stdout


@on_one_server
@each_block("no-roles")
async def test_without_roles_nobody_is_given_anything(
    block: Block, empty_database: Database, tmp_path: Path
) -> None:
    run = await asyncio.to_thread(typed, block.text, tmp_path, SCHEMAD_DSN=empty_database.dsn())
    assert run.returncode == 0, run.stdout
    async with empty_database.connection() as connection:
        given = await connection.fetch(
            "SELECT p.proname FROM pg_proc AS p "
            "CROSS JOIN aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a "
            "WHERE p.pronamespace = 'schemad'::regnamespace AND a.grantee <> p.proowner"
        )
        assert [row["proname"] for row in given] == []
        assert not await connection.fetchval("SELECT has_schema_privilege('stranger', 'schemad', 'USAGE')")


@on_one_server
@each_block("examples")
async def test_an_example_is_run_as_its_page_says(
    block: Block, database: Database, daemon: Daemon, tmp_path: Path
) -> None:
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    run = await asyncio.to_thread(typed, block.text, tmp_path, SCHEMAD_DSN=database.dsn("app_one"))
    assert run.returncode == 0, run.stdout
    assert "after the commit: approved" in run.stdout


@each_block("bench")
def test_each_line_measures_what_it_says(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    # All takes a quarter of an hour. tests/bench runs every measure, in small, and tests/cli one by its verb.
    asked = []

    def take(*of_the_line: object) -> None:
        asked.append(of_the_line[:4])
        raise BenchFailed("not here")

    monkeypatch.setattr(bench, "_on_a_server", take)
    for line in block.text.splitlines():
        CliRunner().invoke(program(), shlex.split(line, comments=True)[1:])
    assert asked == [
        (None, None, [*Measure], Sizes()),
        (None, None, [Measure.LATENCY, Measure.BACKLOG], Sizes()),
        (None, None, [*Measure], QUICK),
        ("postgresql://me@db.internal/postgres", None, [*Measure], Sizes()),
    ]


@each_block("make")
def test_make_has_what_it_is_asked_for(block: Block) -> None:
    # To see what it would do is enough: each of them is a test, or tested, itself.
    for line in block.text.splitlines():
        make, *words = shlex.split(line, comments=True)
        assert make == "make", line
        run = typed(shlex.join(["make", "--dry-run", *words]), ROOT)
        assert run.returncode == 0, run.stdout
        for options in re.findall(r"-m benchmarks\.peers(.*)$", run.stdout, re.MULTILINE):
            peers_parser().parse_args(shlex.split(options))  # which ends the program at one that it does not know


@each_block("reference")
def test_the_reference_is_written_as_a_contributor_is_told(block: Block) -> None:
    write, check = distinct_lines(block)
    assert check == f"{write} --check"  # so that nothing is written here
    run = typed(check.replace(".venv/bin/python", sys.executable), ROOT)
    assert run.returncode == 0, run.stdout


@each_block("stand-ins")
def test_stand_ins_are_made_of_the_python_that_is_named(
    block: Block, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    python, module, name, *options = shlex.split(block.text)
    assert (python, module, name) == (".venv/bin/python", "-m", "tests.docker.stand_ins")
    # Making them takes root, a mirror and an engine; here is no Python to make one of.
    assert make_stand_ins([option.replace("/opt/python3.12", str(tmp_path)) for option in options]) == 1
    assert str(tmp_path) in capsys.readouterr().err


def distinct_lines(block: Block) -> list[str]:
    """The lines of a block without comments."""
    return [shlex.join(shlex.split(line, comments=True)) for line in block.text.splitlines()]
