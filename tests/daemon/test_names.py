"""A name server that does not answer: a look-up can't be given up, and holds nothing up all the same."""

import json
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemons import DaemonProcess
from tests.support.name_servers import SilentNameServer, silent_name_server
from tests.support.service_manager import service_manager

DSN = "postgresql://daemon_login@db.example.org/app"


@pytest.fixture
def name_server(request: pytest.FixtureRequest) -> Iterator[SilentNameServer]:
    try:
        with silent_name_server(request.param) as made:
            yield made
    except OSError as error:
        pytest.skip(str(error))


# Longer than the test's patience: it is not the end of the look-up that ends it.
@pytest.mark.parametrize("name_server", [30], indirect=True)
async def test_a_stop_while_a_name_is_looked_up_ends_it_soon(name_server: SilentNameServer) -> None:
    process = await DaemonProcess.start(DSN, name_server.wrapper, SCHEMAD_CONNECT_TIMEOUT="300")
    try:
        await name_server.asked()
        process.signal(signal.SIGTERM)
        assert await process.end() == 0
    finally:
        await process.kill()
    assert [json.loads(line)["event"] for line in process.lines] == ["daemon.stopping", "daemon.stopped"]


@pytest.mark.parametrize("name_server", [1], indirect=True)
async def test_a_look_up_that_fails_after_its_timeout_is_a_detail_and_no_traceback(
    name_server: SilentNameServer,
) -> None:
    with tempfile.TemporaryDirectory(prefix="schemad-") as directory, service_manager(Path(directory)) as manager:
        environment = {"SCHEMAD_CONNECT_TIMEOUT": "0.1", "SCHEMAD_LOG_LEVEL": "debug"} | manager.environment()
        process = await DaemonProcess.start(DSN, name_server.wrapper, **environment)
        try:
            await process.event("link.late_error")
        finally:
            process.signal(signal.SIGTERM)
            assert await process.end() == 0
    lines = [json.loads(line) for line in process.lines]
    assert [line["event"] for line in lines if line["level"] != "debug"][:1] == ["database.lost"]
    assert "name resolution" in next(line["error"] for line in lines if line["event"] == "link.late_error")
