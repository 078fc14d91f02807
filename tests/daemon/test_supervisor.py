"""A part that fails is started again, and the daemon gives up loudly when that does not help."""

import asyncio

import asyncpg
import pytest

from schemad.daemon.supervisor import MOST_FAILURES, GaveUp, supervise
from schemad.store import Connection, SchemaMismatch
from tests.support.daemons import DaemonProcess, daemon_process, running_daemon
from tests.support.databases import Database, fields
from tests.support.logs import logged
from tests.support.requests import ask
from tests.support.servers import server_names

# Seconds before the first restart, instead of half of one.
SOON = 0.001
on_one_server = pytest.mark.parametrize("server", server_names()[-1:], indirect=True)


class Part:
    """Fails so many times in a row, with that error, and is done then."""

    def __init__(self, failures: int, error: Exception) -> None:
        self._failures = failures
        self._error = error
        self.runs = 0

    async def run(self) -> None:
        self.runs += 1
        if self.runs <= self._failures:
            raise self._error


@pytest.mark.parametrize("failures", [0, 1, MOST_FAILURES - 1])
async def test_a_part_that_fails_is_started_again_and_each_failure_told(failures: int) -> None:
    part = Part(failures, LookupError("schemad.policy has no row"))
    with logged() as lines:
        await supervise(part.run, part="worker", log=lines.log, shortest=SOON)
    assert part.runs == failures + 1
    told = lines.of("daemon.part_failed")
    assert [line["failures"] for line in told] == list(range(1, failures + 1))
    # A defect is told with where it happened.
    assert all(line["exc_info"] for line in told)


async def test_a_part_that_keeps_failing_is_given_up_with_its_last_error() -> None:
    part = Part(MOST_FAILURES, asyncpg.InsufficientPrivilegeError("permission denied for table policy"))
    message = "the worker failed 5 times in a row: permission denied for table policy"
    with logged() as lines, pytest.raises(GaveUp, match=message) as raised:
        await supervise(part.run, part="worker", log=lines.log, shortest=SOON)
    assert isinstance(raised.value.__cause__, asyncpg.InsufficientPrivilegeError)
    assert part.runs == MOST_FAILURES
    gave_up = lines.of("daemon.gave_up")
    assert [(line["part"], line["log_level"], line["error"]) for line in gave_up] == [
        ("worker", "error", "permission denied for table policy")
    ]


async def test_what_no_restart_mends_is_not_tried_again() -> None:
    part = Part(1, SchemaMismatch("run `schemad migrate` with this version"))
    with logged() as lines, pytest.raises(SchemaMismatch):
        await supervise(part.run, part="worker", log=lines.log, shortest=SOON)
    assert part.runs == 1


async def test_a_part_that_is_cancelled_is_not_started_again() -> None:
    with logged() as lines:
        running = asyncio.create_task(supervise(asyncio.Event().wait, part="worker", log=lines.log))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert lines.all == []


async def test_a_privilege_that_is_revoked_and_granted_again_costs_no_more_than_the_time_between(
    database: Database, admin: Connection, app: Connection
) -> None:
    with logged() as lines:
        async with running_daemon(database.dsn("daemon_login")):
            await admin.execute("REVOKE EXECUTE ON FUNCTION schemad.candidates FROM schemad_daemon")
            asking = asyncio.create_task(ask(app, "notes", fields("a")))
            failed = await lines.next("daemon.part_failed")
            assert (failed["part"], failed["failures"]) == ("worker", 1)
            assert "permission denied" in failed["error"]
            await admin.execute("GRANT EXECUTE ON FUNCTION schemad.candidates TO schemad_daemon")
            assert (await asking)["status"] == "approved"


@pytest.mark.slow
@on_one_server
async def test_a_daemon_that_gives_up_exits_with_a_code_of_its_own_and_says_why(
    database: Database, admin: Connection, app: Connection
) -> None:
    async with daemon_process(database.dsn("daemon_login")) as process:
        await admin.execute("REVOKE EXECUTE ON FUNCTION schemad.candidates FROM schemad_daemon")
        await app.execute("NOTIFY schemad_requests")
        await gave_up(process)
        assert await process.end() == 4
    last = process.lines[-1]
    assert last.startswith("schemad: the worker failed 5 times in a row: permission denied for function ")
    assert "Traceback" not in last


async def gave_up(process: DaemonProcess) -> None:
    """Waits until it has told of each failure, which takes longer than a test's patience with one of them."""
    for _ in range(MOST_FAILURES - 1):
        await process.event("daemon.part_failed")
    await process.event("daemon.gave_up")
