"""PL/pgSQL finds its mistakes when a line runs; plpgsql_check finds them in every line."""

import pytest

from schemad.store import Connection

pytestmark = pytest.mark.every_server

TRIGGERS = {
    "validate_request": "schemad.schema_requests",
    "refuse_request_change": "schemad.schema_requests",
    "wake_daemons": "schemad.schema_requests",
    "refuse_audit_change": "schemad.schema_changes_audit",
    "stamp_policy": "schemad.policy",
    "policy_changed": "schemad.safe_types",
    "refuse_policy_removal": "schemad.policy",
    "keep_policy_change": "schemad.policy",
}


async def test_every_function_passes_plpgsql_check(admin: Connection) -> None:
    if not await admin.fetchval("SELECT count(*) FROM pg_available_extensions WHERE name = 'plpgsql_check'"):
        pytest.skip("this server has no plpgsql_check")
    await admin.execute("CREATE EXTENSION plpgsql_check")
    functions = await admin.fetch(
        "SELECT p.oid::regprocedure::text AS signature, p.proname, "
        "p.prorettype = 'trigger'::regtype AS is_trigger "
        "FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang "
        "WHERE p.pronamespace = 'schemad'::regnamespace AND l.lanname = 'plpgsql'"
    )
    assert {f["proname"] for f in functions if f["is_trigger"]} == TRIGGERS.keys()
    found = []
    for function in functions:
        table = TRIGGERS.get(function["proname"])
        rows = await admin.fetch(
            "SELECT * FROM plpgsql_check_function($1::text::regprocedure, coalesce(to_regclass($2), 0), "
            "extra_warnings => false, other_warnings => false)",
            function["signature"],
            table,
        )
        # The check itself runs where nothing may be committed, and says so of each COMMIT.
        found += [(function["proname"], row[0]) for row in rows if ":COMMIT:" not in row[0]]
    assert found == []
