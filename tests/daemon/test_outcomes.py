"""What becomes of a request: everything is recorded in one transaction, for the function and a plain INSERT."""

import json

import pytest

from schemad.daemon import Daemon
from schemad.store import Connection
from tests.support.databases import fields
from tests.support.requests import decided, submit

SPEC_PAYLOAD = {
    "fields": [
        {"name": "preference_key", "type": "VARCHAR(255)", "nullable": False},
        {"name": "preference_value", "type": "TEXT", "nullable": True},
        {"name": "user_id", "type": "VARCHAR(255)", "nullable": False},
    ],
    "description": "Store user preferences",
}


@pytest.mark.parametrize("way", ["function", "insert"])
async def test_a_request_becomes_a_table_with_all_records(
    admin: Connection, app: Connection, daemon: Daemon, way: str
) -> None:
    if way == "function":
        request_id = await submit(app, "user_preferences", SPEC_PAYLOAD)
    else:
        request_id = await app.fetchval(
            "INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload) "
            "VALUES ('user123', 'user_preferences', $1) RETURNING id",
            json.dumps(SPEC_PAYLOAD),
        )
    request = await decided(app, request_id)
    assert (request["status"], request["verdict"], request["findings"]) == ("approved", "auto", [])
    assert request["processed_at"] is not None

    columns = await admin.fetch(
        "SELECT attname, format_type(atttypid, atttypmod) AS type, attnotnull FROM pg_attribute "
        "WHERE attrelid = 'public.user_preferences'::regclass AND attnum > 0 ORDER BY attnum"
    )
    assert [tuple(c) for c in columns] == [
        ("id", "bigint", True),
        ("preference_key", "character varying(255)", True),
        ("preference_value", "text", False),
        ("user_id", "character varying(255)", True),
    ]
    registry = await admin.fetchrow("SELECT * FROM schemad.schema_registry")
    assert registry is not None
    assert (registry["name"], registry["description"], registry["owner"], registry["is_active"]) == (
        "user_preferences",
        "Store user preferences",
        "user123",
        True,
    )
    recorded = await admin.fetch(
        "SELECT field_name, field_type, is_nullable FROM schemad.schema_fields ORDER BY id"
    )
    assert [tuple(r) for r in recorded] == [
        ("id", "bigint", False),
        ("preference_key", "varchar(255)", False),
        ("preference_value", "text", True),
        ("user_id", "varchar(255)", False),
    ]
    audit = await admin.fetchrow("SELECT * FROM schemad.schema_changes_audit")
    assert audit is not None
    assert (audit["schema_id"], audit["request_id"], audit["applied_by"]) == (
        registry["id"],
        request_id,
        "schemad",
    )
    assert audit["migration_sql"] == request["plan_sql"]
    log = await admin.fetchrow("SELECT * FROM schemad.auto_create_log")
    assert log is not None
    assert (log["schema_name"], log["table_name"], log["action"]) == (
        "user_preferences",
        "public.user_preferences",
        "created",
    )
    message = await app.fetchrow("SELECT * FROM schemad.notifications")
    assert message is not None
    assert (message["user_id"], message["delivered"]) == ("user123", False)
    assert json.loads(message["payload"])["request_id"] == request_id


async def test_twelve_held_requests_do_not_delay_a_good_one(app: Connection, daemon: Daemon) -> None:
    for number in range(12):
        held = await submit(app, f"held_{number}", fields("a") | {"checks": ["repeat(a, 2) <> ''"]})
        assert (await decided(app, held))["verdict"] == "review"
    good = await submit(app, "good", fields("a"))
    assert (await decided(app, good))["status"] == "approved"
