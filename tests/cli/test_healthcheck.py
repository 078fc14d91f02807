"""The check of the image tells a daemon that works from one that does not, or that can't be asked."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys

import pytest

from schemad.cli import healthcheck
from tests.cli.program import environment
from tests.support.daemons import PATIENCE, daemon_process, running_daemon
from tests.support.databases import Database
from tests.support.proxy import running_proxy


def check(addr: str | None, *arguments: str) -> tuple[int, str]:
    """Runs the check; its exit code and what it printed, without a traceback."""
    variables = {} if addr is None else {healthcheck.VARIABLE: addr}
    done = subprocess.run(
        [sys.executable, "-m", healthcheck.__name__, *arguments],
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.strip()


async def test_a_daemon_that_works_is_fine_and_ready_whatever_interface_it_serves(database: Database) -> None:
    async with running_daemon(database.dsn("daemon_login"), metrics_addr="127.0.0.1:0") as daemon:
        assert daemon.endpoint.server is not None
        address = daemon.endpoint.server.address
        for addr in (str(address), f"0.0.0.0:{address.port}", str(address.port)):
            code, said = await asyncio.to_thread(check, addr)
            assert (code, '"status": "ok"' in said) == (0, True), said
        assert (await asyncio.to_thread(check, str(address), "/readyz"))[0] == 0
        code, said = await asyncio.to_thread(check, str(address), "/other")
        assert (code, said.partition(":")[0]) == (1, "/other is 404")


async def test_an_outage_of_the_database_leaves_a_daemon_fine_and_not_ready(database: Database) -> None:
    async with (
        running_proxy(database.dsn("daemon_login")) as proxy,
        running_daemon(proxy.dsn, metrics_addr="127.0.0.1:0", probe_interval=0.1, probe_timeout=0.2) as daemon,
    ):
        assert daemon.endpoint.server is not None
        addr = str(daemon.endpoint.server.address)
        proxy.silence()
        async with asyncio.timeout(PATIENCE):
            while (answer := await asyncio.to_thread(check, addr, "/readyz"))[0] == 0:
                pass
        assert answer[1].startswith("/readyz is 503: ")
        assert (await asyncio.to_thread(check, addr))[0] == 0


async def test_a_daemon_that_is_stopped_in_its_tracks_is_not_fine(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with daemon_process(database.dsn("daemon_login"), SCHEMAD_METRICS_ADDR="127.0.0.1:0") as process:
        (serving,) = (event for line in process.lines if (event := json.loads(line))["event"] == "http.serving")
        addr = serving["address"]
        assert await asyncio.to_thread(healthcheck.ask, addr, "/healthz")
        process.signal(signal.SIGSTOP)
        monkeypatch.setattr(healthcheck, "PATIENCE", 0.5)
        with pytest.raises(healthcheck.Unhealthy, match=f"{re.escape(addr)} does not answer: timed out"):
            await asyncio.to_thread(healthcheck.ask, addr, "/healthz")


@pytest.mark.parametrize(
    ("addr", "why"),
    [
        (None, "SCHEMAD_METRICS_ADDR is not set"),
        ("", "SCHEMAD_METRICS_ADDR is not set"),
        ("here", "'here' is no address"),
        ("127.0.0.1:1", "127.0.0.1:1 does not answer"),
        ("[::1]:1", "[::1]:1 does not answer"),
        ("nowhere.invalid:9187", "nowhere.invalid:9187 does not answer"),
    ],
)
def test_a_daemon_that_cannot_be_asked_is_not_fine_and_the_reason_is_said(addr: str | None, why: str) -> None:
    code, said = check(addr)
    assert (code, why in said) == (1, True), said


def test_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "http_proxy", "http://127.0.0.1:2")
    with pytest.raises(healthcheck.Unhealthy, match=r"^127\.0\.0\.1:1 does not answer"):
        healthcheck.ask("127.0.0.1:1", "/healthz")


def test_the_check_costs_a_fraction_of_the_command_line_as_it_runs_often() -> None:
    code = "import sys, schemad.cli.healthcheck; print(*{m.partition('.')[0] for m in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"asyncio", "asyncpg", "pydantic", "rich", "typer", "structlog"} & set(loaded)
