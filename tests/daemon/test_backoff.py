"""A part whose link fails works again; a part that fails otherwise is not kept from failing."""

import asyncpg
import pytest
import structlog

from schemad.daemon.backoff import Link, keep_connected

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

    await keep_connected(serve, part="worker", log=LOG)
    assert attempts == 2


async def test_what_is_no_failure_of_the_link_ends_the_part() -> None:
    async def serve(_: Link) -> None:
        raise asyncpg.UndefinedTableError("no such table")

    with pytest.raises(asyncpg.UndefinedTableError):
        await keep_connected(serve, part="worker", log=LOG)
