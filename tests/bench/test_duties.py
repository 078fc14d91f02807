"""`python -m benchmarks.duties` leaves out what it says, and requests are decided all the same."""

import json
from collections.abc import Callable
from dataclasses import asdict

import pytest

from benchmarks.duties.__main__ import DUTIES, WITHOUT, leave_out
from benchmarks.duties.recorder import recorder
from benchmarks.duties.sql_alone import common_decision, decision_on, sql_alone
from schemad.bench.contenders import Running, schemad
from schemad.bench.load import require_applied, submit, submit_backlog, until_decided
from schemad.bench.table import FIELDS
from schemad.daemon import Daemon
from schemad.ddl import decide
from schemad.store import Connection, DecidedRequest, Queue
from schemad.store.decided import decision_row
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
@pytest.mark.parametrize("contender", [recorder, sql_alone])
async def test_what_judges_nothing_makes_all_tables_and_writes_all_records(
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
async def test_what_the_sql_alone_makes_has_the_owner_and_the_grants_of_what_schemad_makes(
    database: Database, admin: Connection, app: Connection
) -> None:
    for contender, name in ((schemad, "made_by_schemad"), (sql_alone, "made_by_sql")):
        async with contender(database.dsn("daemon_login")):
            await submit(app, name)
            await until_decided(admin)
    tables = await admin.fetch(
        "SELECT c.relowner::regrole::text, c.relacl::text FROM pg_class AS c "
        "WHERE c.relname IN ('made_by_schemad', 'made_by_sql')"
    )
    assert len(tables) == 2
    assert tables[0] == tables[1]
    assert "app_one=" in tables[0]["relacl"]


@pytest.mark.parametrize("server", server_names()[-1:], indirect=True)
async def test_what_was_decided_beforehand_is_what_would_be_decided_on_the_request(
    database: Database, app: Connection
) -> None:
    await submit(app, "bench_table")
    async with database.connection("daemon_login") as daemon:
        policy = await Queue(daemon).policy()
        [read] = (await Queue(daemon).candidates(1)).requests
    decision = decide(read.schema_name, read.payload, policy, read.facts, requested_by=read.requested_by)
    beforehand = decision_on(asdict(read), common_decision(policy))
    assert json.loads(beforehand) == json.loads(json.dumps(decision_row(DecidedRequest(read, decision))))


def test_each_duty_has_its_file() -> None:
    assert {path.stem for path in WITHOUT.glob("*.sql")} == set(DUTIES)
