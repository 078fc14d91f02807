"""The daemon prunes by itself, in turns with others, and never at the cost of a request."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from schemad.daemon import pruner
from schemad.observe.telemetry import Telemetry
from schemad.store import Connection
from tests.support.daemons import daemon_settings, running_daemon
from tests.support.databases import Database, fields
from tests.support.requests import ask, until

SOON = 0.05
NO_SESSION = "NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'schemad pruner')"
LEFT = "(SELECT count(*) FROM schemad.auto_create_log WHERE action = 'skipped')"


@pytest.fixture
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pruner that does not rest between batches."""
    monkeypatch.setattr(pruner, "PAUSE", 0.001)


async def old_log(admin: Connection, rows: int) -> None:
    """Rows of the log that are due."""
    await admin.execute(
        "INSERT INTO schemad.auto_create_log (action, created_at) "
        "SELECT 'skipped', now() - interval '1 year' FROM generate_series(1, $1::integer)",
        rows,
    )


@contextlib.contextmanager
def log_lines(event: str) -> Iterator[list[Any]]:
    """The lines of an event that are logged meanwhile; known once that is over."""
    lines: list[Any] = []
    with capture_logs() as captured:
        yield lines
    lines += [line for line in captured if line["event"] == event]


@pytest.mark.usefixtures("without_pauses")
async def test_a_daemon_prunes_batch_after_batch_until_nothing_old_is_left_and_tells_how_much(
    database: Database, admin: Connection
) -> None:
    rows = 2 * pruner.BATCH + 1
    await old_log(admin, rows)
    with log_lines("queue.pruned") as lines:
        async with running_daemon(database.dsn("daemon_login"), prune_interval=SOON):
            # Only then has it told the last batch.
            await until(admin, f"{LEFT} = 0 AND {NO_SESSION}")
    assert sum(line["auto_create_log"] for line in lines) == rows
    assert lines[0].items() >= {"log_level": "info", "notifications": 0, "schema_requests": 0}.items()


async def test_nothing_is_told_and_no_session_kept_where_there_is_nothing_to_prune(
    database: Database, admin: Connection
) -> None:
    with log_lines("queue.pruned") as lines:
        async with running_daemon(database.dsn("daemon_login"), prune_interval=SOON):
            await until(admin, "(SELECT turn_at > '-infinity' FROM schemad.pruning)")
            await until(admin, NO_SESSION)
    assert lines == []


def a_pruner(database: Database, is_busy: Callable[[], bool] = lambda: False) -> pruner.Pruner:
    """A pruner without a daemon, the turns of which are an hour apart."""
    log = structlog.get_logger("schemad")
    return pruner.Pruner(daemon_settings(database.dsn("daemon_login")), is_busy, asyncio.Event(), log, Telemetry())


async def test_of_daemons_that_would_prune_at_the_same_time_one_does(
    database: Database, admin: Connection
) -> None:
    await old_log(admin, 1)
    waits = await asyncio.gather(*(a_pruner(database).take_turn() for _ in range(4)))
    assert await admin.fetchval(f"SELECT {LEFT}") == 0
    await old_log(admin, 1)
    # Within the hour nobody does it again, and everybody knows when to come back.
    waits += await asyncio.gather(*(a_pruner(database).take_turn() for _ in range(4)))
    assert await admin.fetchval(f"SELECT {LEFT}") == 1
    assert all(3500 < wait <= 3600 for wait in waits)


@pytest.mark.usefixtures("without_pauses")
async def test_pruning_waits_until_the_worker_is_idle(database: Database, admin: Connection) -> None:
    await old_log(admin, 1)
    busy = [True, True, True]
    left_while_busy = []

    def is_busy() -> bool:
        left_while_busy.append(len(busy))
        return bool(busy and busy.pop())

    await a_pruner(database, is_busy).take_turn()
    assert left_while_busy == [3, 2, 1, 0]
    assert await admin.fetchval(f"SELECT {LEFT}") == 0


@pytest.mark.usefixtures("without_pauses")
async def test_a_pruner_that_fails_says_so_and_the_daemon_goes_on(
    database: Database, admin: Connection, app: Connection
) -> None:
    await old_log(admin, 1)
    await admin.execute(
        "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the log is under a legal hold'; END $$; "
        "CREATE TRIGGER refuse BEFORE DELETE ON schemad.auto_create_log EXECUTE FUNCTION public.refuse()"
    )
    with log_lines("queue.unpruned") as lines:
        async with running_daemon(database.dsn("daemon_login"), prune_interval=SOON):
            await until(admin, "(SELECT turn_at > '-infinity' FROM schemad.pruning)")
            assert (await ask(app, "notes", fields("a")))["status"] == "approved"
            await admin.execute("DROP TRIGGER refuse ON schemad.auto_create_log")
            await until(admin, f"{LEFT} = 0")
    assert {line["error"] for line in lines} == {"the log is under a legal hold"}
    assert {line["log_level"] for line in lines} == {"warning"}
