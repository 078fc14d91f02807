"""What pages claim, and no example of theirs shows."""

import asyncio
import json
import re

from schemad.daemon import Daemon
from schemad.ddl import Verdict, decide
from schemad.observe.health import ListenerState, Vitals, WorkerState, readiness
from schemad.policy import Policy, TableFacts
from schemad.store import Connection
from tests.docs.pages import ROOT, Block, blocks, each_block
from tests.support.daemons import PATIENCE
from tests.support.databases import Database
from tests.support.requests import decided, submit

# The column in which the modules of a room begin.
MODULES = 39
PAYLOAD_PAGE = ROOT / "docs" / "reference" / "payload.md"


async def test_the_role_that_owns_tables_has_no_privilege_on_schemads_own(database: Database) -> None:
    async with database.connection() as connection:
        held = await connection.fetchval(
            "SELECT array_agg(c.relname) FROM pg_class AS c WHERE c.relnamespace = 'schemad'::regnamespace "
            "AND c.relkind IN ('r', 'v', 'S') AND CASE c.relkind "
            "WHEN 'S' THEN has_sequence_privilege('schemad_owner', c.oid, 'USAGE, SELECT, UPDATE') "
            "ELSE has_table_privilege('schemad_owner', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE') END"
        )
        assert held is None
        assert not await connection.fetchval(
            "SELECT has_schema_privilege('schemad_owner', 'schemad', 'USAGE, CREATE')"
        )


async def test_requests_that_reference_one_another_are_decided_in_their_order(
    app: Connection, daemon: Daemon
) -> None:
    async with app.transaction():  # so that one batch has them all
        ids = [
            await submit(app, "customers", referencing()),
            await submit(app, "orders", referencing("customers")),
            await submit(app, "order_lines", referencing("orders", "order_lines")),
            await submit(app, "notes", referencing("orders")),
        ]
    assert [(await decided(app, i))["status"] for i in ids] == ["approved"] * 4


async def test_a_request_that_references_a_table_which_comes_after_it_does_not_wait_for_that(
    app: Connection, daemon: Daemon
) -> None:
    async with app.transaction():
        first = await submit(app, "orders", referencing("customers"))
        second = await submit(app, "customers", referencing())
    assert (await decided(app, first))["findings"][0]["rule"] == "reference.missing"
    assert (await decided(app, second))["status"] == "approved"


def test_the_expressions_that_are_shown_to_need_no_review_need_none() -> None:
    shown = [b.text for b in blocks(PAYLOAD_PAGE) if b.language == "json" and '"expression"' in b.text]
    assert shown
    for text in shown:
        assert decide("shown", text, Policy(), TableFacts()).verdict is Verdict.AUTO


def test_the_expressions_that_are_shown_to_wait_do_so_by_the_rule_that_is_shown() -> None:
    rows = re.findall(r"^\| `(expression\.\w+)` \|(.*)\|$", PAYLOAD_PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    shown = [(rule, expression) for rule, cell in rows for expression in re.findall("`([^`]+)`", cell)]
    assert len({rule for rule, _ in shown}) == 7
    for rule, expression in shown:
        field = {"name": "shown", "type": "text", "default": {"expression": expression}}
        decision = decide("shown", json.dumps({"fields": [field]}), Policy(), TableFacts())
        assert rule in {finding.rule.id for finding in decision.findings}, expression
        assert decision.plan_sql


@each_block("message")
async def test_the_message_that_tells_a_decision_is_as_shown(
    block: Block, database: Database, app: Connection, daemon: Daemon
) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    async with database.connection("app_one") as listener:
        await listener.add_listener("schemad_decisions", lambda *message: told.put_nowait(message[3]))
        request = await submit(app, "notes", referencing())
        async with asyncio.timeout(PATIENCE):
            message = json.loads(await told.get())
    assert message == json.loads(block.text) | {"id": request}


@each_block("probe")
def test_what_a_probe_answers_is_as_shown(block: Block) -> None:
    shown = json.loads(block.text)
    vitals = Vitals(
        listener=ListenerState(shown["listener"]["state"]),
        proven_seconds=shown["listener"]["proven_seconds"],
        proof_limit=60.0,
        worker=WorkerState(shown["worker"]["state"]),
        silent_seconds=shown["worker"]["silent_seconds"],
        silence_limit=60.0,
        is_drained=shown["worker"]["drained"],
        is_stopping=shown["stopping"],
    )
    assert json.loads(readiness(vitals, None).as_json()) == shown


@each_block("tree")
def test_the_rooms_of_the_code_are_as_shown(block: Block) -> None:
    above, rooms = ROOT, {ROOT}
    for line in block.text.splitlines():
        named = [word for word in line.split() if re.fullmatch(r"[\w/]+/|\w+\.py", word)]
        if line.startswith("  ") and not line.startswith("   "):
            rooms = {above / name for name in named}
        elif named:
            above = ROOT / named[0]
            rooms = {above}
        assert rooms <= {room for room in rooms if room.exists()}, line
        if above == ROOT / "src" / "schemad" and line[MODULES - 2 : MODULES] == "  ":
            for module in re.findall(r"[\w/*.]+", line[MODULES:].removesuffix("pure")):
                (room,) = rooms
                assert [*room.glob(module if "*" in module else f"{module}.py")], f"{room.name}: {module}"
    named = [word for word in block.text.split() if word.endswith("/")]
    there = {path.parent.name for path in (ROOT / "src" / "schemad").glob("*/__init__.py")}
    assert there <= {word.rstrip("/") for word in named}


def referencing(*tables: str) -> dict[str, object]:
    """A payload with a field that references each of these tables."""
    keys = [{"name": f"{t}_id", "type": "bigint", "references": {"table": t}} for t in tables]
    return {"fields": [{"name": "label", "type": "text"}, *keys]}
