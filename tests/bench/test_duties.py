"""`python -m benchmarks.duties` leaves out what it says, and requests are decided all the same."""

from collections.abc import Callable

import pytest

from benchmarks.duties.__main__ import DUTIES, WITHOUT, leave_out
from benchmarks.duties.beforehand import beforehand
from benchmarks.duties.recorder import recorder
from schemad.bench.contenders import Running, schemad
from schemad.bench.load import require_applied, submit, submit_backlog, until_decided
from schemad.bench.table import FIELDS
from schemad.daemon import Daemon
from schemad.store import Connection
from tests.support.databases import Database, fields
from tests.support.requests import ask
from tests.support.servers import server_names

# More than fit into one batch.
TABLES = 60


@pytest.mark.parametrize("server", server_names()[-1:], indirect=True)
async def test_with_each_duty_less_the_table_is_made(admin: Connection, app: Connection, daemon: Daemon) -> None:
    for count in range(len(DUTIES) + 1):
        await leave_out(admin, DUTIES[:count])
        request = await ask(app, f"without_{count}", fields("a"))
        assert request["status"] == "approved"
    assert await admin.fetchval("SELECT to_regclass($1)", f"public.without_{len(DUTIES)}") is not None
    # The last duty is gone.
    registered = [r["name"] for r in await admin.fetch("SELECT name FROM schemad.schema_registry ORDER BY name")]
    assert registered == [f"without_{count}" for count in range(len(DUTIES))]


@pytest.mark.parametrize("server", server_names()[-1:], indirect=True)
@pytest.mark.parametrize("contender", [recorder, beforehand])
async def test_what_judges_nothing_makes_and_writes_what_schemad_does(
    database: Database, admin: Connection, contender: Callable[[str], Running]
) -> None:
    async with contender(database.dsn()):
        await submit_backlog(admin, "recorded", TABLES)
        await until_decided(admin)
    await require_applied(admin, "recorded", TABLES)
    assert await admin.fetchval("SELECT count(*) FROM schemad.created_tables WHERE state = 'active'") == TABLES
    assert await admin.fetchval("SELECT count(*) FROM schemad.schema_fields") == TABLES * len(FIELDS)
    for records in ("schema_versions", "schema_changes_audit", "auto_create_log", "notifications"):
        assert await admin.fetchval(f"SELECT count(*) FROM schemad.{records}") == TABLES, records


@pytest.mark.parametrize("server", server_names()[-1:], indirect=True)
async def test_what_was_decided_beforehand_is_what_the_daemon_decides(
    database: Database, admin: Connection, app: Connection
) -> None:
    what = (
        "SELECT schema_name, requested_by, verdict, findings, decided_by, decision_reason, plan_sql "
        "FROM schemad.schema_requests"
    )
    decisions = []
    for contender in (schemad, beforehand):
        async with contender(database.dsn()):
            await submit(app, "bench_table")
            await until_decided(admin)
        decisions.append(await admin.fetchrow(what))
        await admin.execute("DROP TABLE bench_table")
        await admin.execute("TRUNCATE schemad.schema_requests, schemad.schema_registry CASCADE")
    assert decisions[0] == decisions[1]


def test_each_duty_has_its_file() -> None:
    assert {path.stem for path in WITHOUT.glob("*.sql")} == set(DUTIES)
