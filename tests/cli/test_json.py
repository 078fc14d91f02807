"""--json: what each verb prints is of the shape that the reference lists, whatever the database is set to."""

import asyncio
import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from schemad.cli.app import program
from schemad.cli.json_shapes import OUTPUTS
from schemad.daemon import Daemon
from schemad.store import Connection
from tests.cli.program import (
    FOR_REVIEW,
    LOW_RISK,
    PATIENCE,
    PROGRAM,
    UNAPPROVABLE,
    environment,
    request_file,
    schemad,
    schemad_beside,
)
from tests.cli.shape import misfit
from tests.support.databases import Database
from tests.support.servers import server_names

on_one_server = pytest.mark.parametrize("server", server_names()[-1:], indirect=True, scope="session")

SHAPES = {verb: output.shape for output in OUTPUTS for verb in output.verbs}
# Whatever its owner likes: none of it shows in what programs read.
LOCAL = (
    "SET intervalstyle = 'sql_standard'",
    "SET datestyle = 'German, DMY'",
    "SET timezone = 'Asia/Kathmandu'",
    "SET bytea_output = 'escape'",
)


def verbs_with_json() -> set[str]:
    group = typer.main.get_group(program())
    found = set()
    for name, command in group.commands.items():
        inner = command.commands if isinstance(command, TyperGroup) else {}
        for full, each in {name: command, **{f"{name} {second}": c for second, c in inner.items()}}.items():
            if any("--json" in parameter.opts for parameter in each.params):
                found.add(full)
    return found


def test_the_reference_has_the_shape_of_each_verb_that_takes_json() -> None:
    assert {verb.partition(" --")[0] for verb in SHAPES} == verbs_with_json()


@on_one_server
async def test_what_is_printed_is_of_the_shape_that_is_listed(
    database: Database, admin: Connection, daemon: Daemon, tmp_path: Path
) -> None:
    for setting in LOCAL:
        await admin.execute(f"ALTER DATABASE {database.name} {setting}")

    async def shaped(verb: str, *arguments: object, login: str | None = None, code: int = 0) -> Any:
        run = await schemad_beside(*verb.split(), *arguments, "--json", dsn=database.dsn(login))
        assert run.code == code, (verb, run.err)
        assert run.out.endswith(("}\n", "]\n"))
        assert misfit(run.json, SHAPES[verb]) is None, verb
        checked.add(verb)
        return run.json

    checked: set[str] = set()
    good = request_file(tmp_path, "good", LOW_RISK)
    held = request_file(tmp_path, "held", FOR_REVIEW)
    await shaped("submit", good, login="app_one")
    for _ in range(4):
        await shaped("submit", held, login="app_one", code=3)
    await shaped("plan", good)
    await shaped("plan", held, code=3)
    await shaped("plan", request_file(tmp_path, "bad", UNAPPROVABLE), code=2)
    await shaped("show", 1, login="app_one")
    await shaped("wait", 2, login="app_one", code=3)
    await shaped("cancel", 2, login="app_one")
    await shaped("reject", 3, "-r", "no", login="dba_one")
    await shaped("approve", 4, "-r", "yes", login="dba_one")
    await shaped("retry", 5, login="app_one")
    assert len(await shaped("list", login="app_one")) == 5
    await shaped("describe", "held", login="app_one")
    await shaped("policy set", "keep_requests", "1 year")
    await shaped("policy protect", "orders")
    await shaped("policy unprotect", "orders")
    await shaped("policy allow-type", "uuid", "--review")
    await shaped("policy disallow-type", "bytea")
    await shaped("policy severity", "limit.fields", "warn")
    assert (await shaped("policy show"))["policy"]["keep_requests"] == "1 year"
    await shaped("rules")
    await shaped("doctor", login="daemon_login")
    await shaped("migrate")
    await shaped("migrate --check")
    await shaped("prune")
    # Those have tests of their own.
    assert set(SHAPES) - checked == {"dev", "bench"}


async def test_dev_prints_one_line_once_all_is_ready(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *("dev", "--port", "0", "--data-dir", str(tmp_path / "data"), "--json"),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            told = json.loads(await process.stdout.readline())
            assert misfit(told, SHAPES["dev"]) is None
            assert (await schemad_beside("list", "--json", dsn=told["dsn"])).json == []
            process.send_signal(signal.SIGINT)
            out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert (process.returncode, out) == (0, b"")


def test_sql_is_not_printed_as_json() -> None:
    run = schemad("migrate", "--print", "--json")
    assert (run.code, run.out) == (2, "")
    assert "--print writes SQL" in run.err
