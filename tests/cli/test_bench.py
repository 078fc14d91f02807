"""`schemad bench`: what it prints, what it refuses, and that nothing stays on a server of somebody's."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from schemad import __version__
from schemad.bench.databases import PREFIX
from schemad.cli.json_shapes import Bench
from schemad.store import Connection
from tests.cli.program import EXIT_BAD_INPUT, EXIT_FAILED, PATIENCE, PROGRAM, environment, schemad
from tests.cli.shape import misfit
from tests.support.databases import Database
from tests.support.servers import server_names

pytestmark = pytest.mark.xdist_group("bench")
on_one_server = pytest.mark.parametrize("server", server_names()[-1:], indirect=True, scope="session")

DATABASES = "SELECT datname FROM pg_database WHERE starts_with(datname, $1)"
WORKERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE starts_with(datname, $1) AND application_name = 'schemad worker'"
)
ON_CTRL_C = 130
ON_SIGTERM = 143


@pytest.fixture
async def maker(database: Database, admin: Connection) -> AsyncIterator[str]:
    """The DSN of somebody who may create databases, and is no superuser."""
    await admin.execute("CREATE ROLE database_maker LOGIN CREATEDB")
    yield database.dsn("database_maker")
    await admin.execute("DROP ROLE database_maker")


@on_one_server
async def test_with_json_it_tells_figures_and_what_they_were_measured_on(
    maker: str, admin: Connection, tmp_path: Path
) -> None:
    pictures = tmp_path / "a" / "directory"
    sizes = ("--quick", "--repetitions", 1, "--samples", 2)
    run = schemad("bench", "latency", *sizes, "--json", "--plot", pictures, "--dsn", maker)
    assert (run.code, run.err) == (0, f"hint: drew {pictures / 'latency.svg'}\n")
    told = run.json
    assert misfit(told, Bench) is None
    assert set(told) == {
        "date",
        "schemad",
        "server",
        "python",
        "libraries",
        "system",
        "processor",
        "cores",
        "sizes",
        "figures",
    }
    assert told["schemad"] == __version__
    assert told["server"]["embedded"] is False
    assert (told["sizes"]["samples"], told["sizes"]["tables"]) == (2, 300)
    assert len(told["figures"]) == 8
    first = told["figures"][0]
    assert {name: first[name] for name in ("measure", "what", "against", "unit", "better", "repetitions")} == {
        "measure": "latency",
        "what": "p50",
        "against": "smallest daemon",
        "unit": "ms",
        "better": "less",
        "repetitions": 1,
    }
    assert 0 < first["ratio_min"] == first["ratio"] == first["ratio_max"]
    assert first["measured"] > 0 < first["floor"]
    drawn = (pictures / "latency.svg").read_text(encoding="utf-8")
    for contender in ("schemad (2)", "smallest daemon (2)", "naive daemon (2)"):
        assert contender in drawn
    assert await admin.fetch(DATABASES, PREFIX) == []


def test_without_a_dsn_it_measures_on_a_server_of_its_own(tmp_path: Path) -> None:
    elsewhere = {"SCHEMAD_DSN": "postgresql://nobody@127.0.0.1:1/x", "SCHEMAD_LISTEN_DSN": "postgresql://[::1"}
    run = schemad("bench", "recovery", "--quick", "--repetitions", 1, TMPDIR=str(tmp_path), **elsewhere)
    assert (run.code, run.err) == (0, "")
    assert re.search(r"^ recovery +listener killed .* ms +[\d.,]+ ms +[\d.]+ +[\d.]+ +[\d.]+ +less", run.out, re.M)
    assert re.search(r"^schemad \S+, Python \S+, asyncpg \S+, uvloop \S+$", run.out, re.M)
    assert re.search(r"^PostgreSQL \d+\.\d+, embedded: fsync on, ", run.out, re.M)
    assert list(tmp_path.iterdir()) == []


@on_one_server
def test_whoever_may_not_create_databases_is_told_what_grants_it(database: Database) -> None:
    run = schemad("bench", "latency", "--dsn", database.dsn("app_one"))
    assert (run.code, run.out) == (EXIT_FAILED, "")
    assert run.err == (
        "schemad: role app_one may not create databases, and the bench measures in databases of its own: run "
        "ALTER ROLE app_one CREATEDB, or leave out --dsn to measure on an embedded server\n"
    )


def test_a_measure_that_is_not_there_is_refused_with_those_that_are() -> None:
    run = schemad("bench", "latency", "speed")
    assert (run.code, run.out) == (EXIT_BAD_INPUT, "")
    assert "'speed' is not one of 'latency', 'backlog', 'inserts'" in run.err


def test_without_the_extra_pictures_are_refused_before_anything_is_measured() -> None:
    program = "import sys; sys.modules['matplotlib'] = None; from schemad.cli.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "bench", "--plot", "pictures", "--dsn", "postgresql://127.0.0.1:1/x"],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert (done.returncode, done.stdout) == (EXIT_FAILED, "")
    assert done.stderr == "schemad: --plot draws with matplotlib: run `pip install 'schemad[bench]'`\n"


def test_a_place_for_pictures_that_can_t_be_is_told_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    run = schemad("bench", "--plot", tmp_path / "file" / "below", "--dsn", "postgresql://127.0.0.1:1/x")
    assert (run.code, run.out) == (EXIT_BAD_INPUT, "")
    assert "file/below: Not a directory; name a directory" in run.err


@pytest.mark.skipif(not os.path.exists("/proc"), reason="there is no /proc, where not even root makes files")
def test_a_place_for_pictures_that_is_not_writable_is_told_before_anything_is_measured() -> None:
    run = schemad("bench", "--plot", "/proc", "--dsn", "postgresql://127.0.0.1:1/x")
    assert (run.code, run.out) == (EXIT_BAD_INPUT, "")
    assert run.err.startswith("schemad: --plot /proc: ")
    assert run.err.endswith("; name a directory that can be written to\n")


@on_one_server
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, ON_CTRL_C), (signal.SIGTERM, ON_SIGTERM)])
async def test_a_run_that_is_broken_off_leaves_nothing_behind(
    database: Database, admin: Connection, number: signal.Signals, code: int
) -> None:
    command = [*PROGRAM, "bench", "latency", "--dsn", database.dsn()]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    try:
        async with asyncio.timeout(PATIENCE):
            while not await admin.fetchval(WORKERS, PREFIX):  # until it measures
                assert process.returncode is None
            process.send_signal(number)
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert (process.returncode, out) == (code, b""), err
    assert b"Traceback" not in err
    assert await admin.fetch(DATABASES, PREFIX) == []
