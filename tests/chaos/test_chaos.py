"""A short run under faults in every test run, and proof that each promise would be seen to be broken."""

import json
from pathlib import Path

import pytest

from schemad.store import Connection
from tests.chaos.faults import KINDS
from tests.chaos.invariants import promises, violations
from tests.chaos.ledger import Ledger
from tests.chaos.plan import planned
from tests.chaos.report import report
from tests.chaos.run import Run
from tests.support.daemons import running_daemon
from tests.support.databases import Database, fields
from tests.support.requests import decided
from tests.support.servers import TEST_DSN, docker_answers, server_names

SEED = 7
SECONDS = 10.0

# What breaks each promise, in SQL; requests: 1 `one` and 2 `other`, applied; 3 `refused`, failed.
BREAKS = {
    "every request that was acknowledged is there, under its id, once": (
        "UPDATE schemad.schema_requests SET idempotency_key = 'another' WHERE id = 1"
    ),
    "nothing is undecided": "UPDATE schemad.schema_requests SET verdict = NULL WHERE id = 3",
    "an approved request has one audit row, and no other request has any": (
        "INSERT INTO schemad.schema_changes_audit (request_id, schema_id) VALUES (1, 1)"
    ),
    "an approved request has one log row of its creation, and no other request has any": (
        "INSERT INTO schemad.auto_create_log (action, details) VALUES ('created', '{\"request_id\": 1}')"
    ),
    "each decision of a daemon was logged and told once": (
        "DELETE FROM schemad.notifications WHERE payload ->> 'request_id' = '1'"
    ),
    "the requester was told of the outcome, of a final one once": (
        'UPDATE schemad.notifications SET payload = payload || \'{"status": "pending"}\''
    ),
    "what was applied last to a name is what is there: a table and its registry row, or neither": (
        "DELETE FROM schemad.schema_registry WHERE name = 'one'"
    ),
    "every field of an approved request is in its table, unless the table was dropped": (
        "ALTER TABLE public.one DROP COLUMN a"
    ),
    "registered fields are the columns of the table, of the same types": (
        "ALTER TABLE public.one ALTER COLUMN a TYPE varchar"
    ),
    "versions are numbered without a gap, up to the registry's, each of a request that was applied": (
        "UPDATE schemad.schema_registry SET version = 2 WHERE name = 'one'"
    ),
    "the version's fields are the registered ones": "UPDATE schemad.schema_versions SET fields = '[]'",
    "no table, sequence, index, view or the like without a request": "CREATE SEQUENCE public.stray",
    "no type without a request": "CREATE TYPE public.stray AS ENUM ('a')",
    "every table is its owner's, and granted to the role that asked for it": (
        "ALTER TABLE public.one OWNER TO CURRENT_USER"
    ),
    "no request was tried more often than the policy allows, but for telling that": (
        "UPDATE schemad.schema_requests SET attempts = 12 WHERE id = 3"
    ),
    "nothing failed for a fault before its attempts were used up": (
        "UPDATE schemad.schema_requests SET schema_name = 'sound' WHERE id = 3"
    ),
    "no advisory lock and no prepared transaction is left behind": "SELECT pg_advisory_xact_lock(1)",
}
# Broken by a session of its own.
ANOTHER_SESSION = "no session is left behind"

on_own_server = pytest.mark.skipif(
    TEST_DSN is not None or docker_answers(), reason="it kills, fills and replaces servers: embedded ones only"
)


@on_own_server
@pytest.mark.slow
async def test_nothing_is_lost_doubled_or_left_behind_under_faults_of_many_kinds(tmp_path: Path) -> None:
    run = Run(
        seed=SEED,
        seconds=SECONDS,
        requests=400,
        per_minute=140,
        daemons=2,
        kinds=set(KINDS),
        major=int(server_names()[-1].removeprefix("pg")),
        directory=tmp_path,
    )
    verdict = await run.run()
    told = report(run, verdict, seed=SEED, minutes=SECONDS / 60)
    assert verdict.broken == [], told
    assert verdict.requests >= 400, told
    assert len({fault.kind for fault in verdict.injected}) >= 10, told


def test_the_plan_of_a_run_derives_from_its_seed_and_has_every_kind() -> None:
    plan = planned(SEED, 60, 60, set(KINDS))
    assert plan == planned(SEED, 60, 60, set(KINDS))
    assert plan != planned(SEED + 1, 60, 60, set(KINDS))
    assert {fault.kind for fault in plan} == set(KINDS)


def test_each_promise_has_something_that_breaks_it() -> None:
    assert promises().keys() == {*BREAKS, ANOTHER_SESSION}


async def sound_state(database: Database) -> Ledger:
    """Two requests that were applied, one that failed, and nobody there any more."""
    payloads = {"one": fields("a"), "other": fields("a")}
    # json has no order, so no btree can be built over it.
    payloads["refused"] = fields(doc="json") | {"indexes": [{"fields": ["doc"]}]}
    ledger = Ledger()
    async with running_daemon(database.dsn("daemon_login")), database.connection("app_one") as app:
        for name, payload in payloads.items():
            request_id = await app.fetchval(
                "SELECT schemad.submit_request('user123', $1, $2, $1)", name, json.dumps(payload)
            )
            await decided(app, request_id)
            ledger.enter("app_one", name, request_id, 0)
    return ledger


async def test_each_broken_promise_is_seen(database: Database, admin: Connection) -> None:
    ledger = await sound_state(database)
    await admin.execute("SET session_replication_role = replica")  # what is append-only shall change
    unseen = []
    for promise, breaks in BREAKS.items():
        transaction = admin.transaction()
        await transaction.start()
        await admin.execute(breaks)
        if promise not in {broken.promise for broken in await violations(admin, ledger)}:
            unseen.append(promise)
        await transaction.rollback()
    assert unseen == []


async def test_sound_records_break_no_promise_until_somebody_stays(database: Database, admin: Connection) -> None:
    ledger = await sound_state(database)
    assert await violations(admin, ledger) == []
    async with database.connection("app_one"):
        found = await violations(admin, ledger, patience=0)
    assert [broken.promise for broken in found] == [ANOTHER_SESSION]
