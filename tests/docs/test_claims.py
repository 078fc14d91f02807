"""What pages claim, and no example of theirs shows."""

import json
import re

from schemad.daemon import Daemon
from schemad.ddl import Verdict, decide
from schemad.policy import Policy, TableFacts
from schemad.store import Connection, migrate
from tests.docs.pages import ROOT, blocks
from tests.support.databases import Database
from tests.support.requests import decided, submit

PAYLOAD_PAGE = ROOT / "docs" / "reference" / "payload.md"


async def test_without_roles_nobody_is_given_anything(empty_database: Database) -> None:
    async with empty_database.connection() as connection:
        await migrate(connection, with_roles=False)
        given = await connection.fetch(
            "SELECT p.proname FROM pg_proc AS p "
            "CROSS JOIN aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a "
            "WHERE p.pronamespace = 'schemad'::regnamespace AND a.grantee <> p.proowner"
        )
        assert [row["proname"] for row in given] == []
        assert not await connection.fetchval("SELECT has_schema_privilege('stranger', 'schemad', 'USAGE')")


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


def referencing(*tables: str) -> dict[str, object]:
    """A payload with a field that references each of these tables."""
    keys = [{"name": f"{t}_id", "type": "bigint", "references": {"table": t}} for t in tables]
    return {"fields": [{"name": "label", "type": "text"}, *keys]}
