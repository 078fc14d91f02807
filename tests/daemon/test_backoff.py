"""A part whose link fails works again; a part that fails otherwise is not kept from failing."""

import asyncpg
import pytest
import structlog

from schemad.daemon.backoff import LONGEST, SHORTEST, Link, keep_connected
from schemad.observe.telemetry import Telemetry
from tests.support.logs import logged

LOG = structlog.get_logger("schemad")


@pytest.mark.parametrize(
    "failure",
    [
        asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.AdminShutdownError("terminating connection due to administrator command"),
        ConnectionResetError("the link broke"),
    ],
    ids=lambda failure: type(failure).__name__,
)
async def test_a_link_that_ends_however_the_driver_tells_it_is_opened_again(failure: Exception) -> None:
    attempts = 0

    async def serve(_: Link) -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise failure

    await keep_connected(serve, part="worker", log=LOG, telemetry=Telemetry())
    assert attempts == 2


async def test_what_is_no_failure_of_the_link_ends_the_part() -> None:
    async def serve(_: Link) -> None:
        raise asyncpg.UndefinedTableError("no such table")

    with pytest.raises(asyncpg.UndefinedTableError):
        await keep_connected(serve, part="worker", log=LOG, telemetry=Telemetry())


async def test_of_an_outage_its_first_failure_and_its_end_are_told() -> None:
    with logged() as lines:
        link = Link("worker", lines.log, Telemetry())
        link.works()
        for _ in range(100):
            link.failed(ConnectionRefusedError("nobody there"))
        link.works()
        link.works()
    assert lines.events(least="info") == ["worker.connected", "worker.lost", "worker.connected"]


async def test_a_link_that_is_lost_over_and_over_is_told_less_and_less() -> None:
    with logged() as lines:
        link = Link("worker", lines.log, Telemetry())
        for _ in range(1000):
            link.works()
            link.failed(ConnectionResetError("by somebody"))
    # The 1st, 2nd, 4th … 512th loss, and that it was back after each of them.
    assert lines.events(least="info").count("worker.lost") == 10
    assert lines.events(least="info").count("worker.connected") == 11


async def test_pauses_grow_up_to_a_limit_differ_and_begin_anew_only_once_the_link_works() -> None:
    link = Link("worker", LOG, Telemetry())
    longest = []
    with logged():
        for _ in range(12):
            link.failed(ConnectionRefusedError())
            longest.append(max(link.pause for _ in range(200)))
        assert all(seconds <= LONGEST for seconds in longest)
        assert longest[0] <= 2 * SHORTEST < longest[3] < longest[6]
        assert longest[-1] > LONGEST / 2
        assert len({link.pause for _ in range(10)}) > 1
        link.works()
        link.failed(ConnectionRefusedError())
    assert link.pause <= 2 * SHORTEST
