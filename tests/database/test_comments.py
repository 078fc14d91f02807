"""The catalog: everything says what it is for, nothing is open to PUBLIC, what was specified is there."""

import pytest

from schemad.store import Connection

# The specification's six tables, as it writes them; SERIAL stands for an integer that numbers itself.
SPECIFIED = {
    "schema_registry": {
        "id": "integer",
        "name": "character varying(255)",
        "description": "text",
        "owner": "character varying(255)",
        "is_active": "boolean",
        "created_at": "timestamp with time zone",
        "updated_at": "timestamp with time zone",
    },
    "schema_fields": {
        "id": "integer",
        "schema_id": "integer",
        "field_name": "character varying(255)",
        "field_type": "character varying(64)",
        "is_nullable": "boolean",
        "default_value": "text",
        "metadata": "jsonb",
        "created_at": "timestamp with time zone",
    },
    "schema_requests": {
        "id": "integer",
        "requester_user_id": "character varying(255)",
        "schema_name": "character varying(255)",
        "request_payload": "jsonb",
        "status": "character varying(50)",
        "created_at": "timestamp with time zone",
        "processed_at": "timestamp with time zone",
    },
    "schema_changes_audit": {
        "id": "integer",
        "schema_id": "integer",
        "request_id": "integer",
        "change_summary": "text",
        "migration_sql": "text",
        "applied_by": "character varying(255)",
        "applied_at": "timestamp with time zone",
    },
    "auto_create_log": {
        "id": "integer",
        "schema_name": "character varying(255)",
        "table_name": "character varying(255)",
        "action": "character varying(50)",
        "details": "jsonb",
        "created_at": "timestamp with time zone",
    },
    "notifications": {
        "id": "integer",
        "user_id": "character varying(255)",
        "payload": "jsonb",
        "delivered": "boolean",
        "delivery_channel": "character varying(50)",
        "created_at": "timestamp with time zone",
    },
}
DEFAULTS = {
    ("schema_registry", "is_active"): "true",
    ("schema_fields", "is_nullable"): "true",
    ("schema_fields", "metadata"): "'{}'::jsonb",
    ("schema_requests", "status"): "'pending'::character varying",
    ("notifications", "delivered"): "false",
    ("notifications", "delivery_channel"): "'dm'::character varying",
}
# What has no comment, of each kind of object.
SILENT = [
    (
        "SELECT relname FROM pg_class "
        "WHERE relnamespace = 'schemad'::regnamespace AND relkind IN ('r', 'p', 'v', 'm') "
        "AND obj_description(oid, 'pg_class') IS NULL"
    ),
    (
        "SELECT proname FROM pg_proc "
        "WHERE pronamespace = 'schemad'::regnamespace AND obj_description(oid, 'pg_proc') IS NULL"
    ),
    (
        "SELECT t.tgname FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid "
        "WHERE c.relnamespace = 'schemad'::regnamespace AND NOT t.tgisinternal "
        "AND obj_description(t.oid, 'pg_trigger') IS NULL"
    ),
    (
        "SELECT p.polname FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid "
        "WHERE c.relnamespace = 'schemad'::regnamespace AND obj_description(p.oid, 'pg_policy') IS NULL"
    ),
]
# The API, which \df+ is to explain by itself.
API = [
    "submit_request",
    "list_requests",
    "wait_for_request",
    "create_table",
    "approve_request",
    "reject_request",
    "cancel_request",
    "retry_request",
    "describe_schema",
    "preview_request",
    "set_policy",
    "protect_table",
    "unprotect_table",
    "allow_type",
    "disallow_type",
    "set_rule_severity",
    "prune",
]


async def _names(connection: Connection, query: str) -> list[str]:
    return [row[0] for row in await connection.fetch(query)]


@pytest.mark.parametrize("table", SPECIFIED)
async def test_a_table_of_the_specification_has_its_columns(admin: Connection, table: str) -> None:
    rows = await admin.fetch(
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attidentity <> '' AS numbers, "
        "pg_get_expr(d.adbin, d.adrelid) FROM pg_attribute AS a "
        "LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
        "WHERE a.attrelid = $1::regclass AND a.attnum > 0 ORDER BY a.attnum",
        f"schemad.{table}",
    )
    columns = {name: column_type for name, column_type, *_ in rows}
    specified = SPECIFIED[table]
    assert {name: columns.get(name) for name in specified} == specified
    assert [name for name, _, numbers, _ in rows if numbers] == ["id"]
    for name, _, _, default in rows:
        if name in specified and specified[name].startswith("timestamp") and name != "processed_at":
            assert default == "now()"
        elif (table, name) in DEFAULTS:
            assert default == DEFAULTS[table, name]


async def test_every_table_view_and_routine_says_what_it_is_for(admin: Connection) -> None:
    assert await admin.fetchval("SELECT obj_description('schemad'::regnamespace, 'pg_namespace')")
    for silent in SILENT:
        assert await _names(admin, silent) == []


async def test_every_role_says_what_it_is_for(admin: Connection) -> None:
    assert (
        await _names(
            admin,
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'schemad\\_%' "
            "AND shobj_description(oid, 'pg_authid') IS NULL",
        )
        == []
    )


async def test_every_column_of_a_table_a_view_and_a_type_says_what_it_is(admin: Connection) -> None:
    silent = await admin.fetch(
        "SELECT c.relname, a.attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid "
        "WHERE c.relnamespace = 'schemad'::regnamespace AND c.relkind IN ('r', 'v', 'c') AND a.attnum > 0 "
        "AND NOT a.attisdropped AND col_description(a.attrelid, a.attnum) IS NULL"
    )
    assert [tuple(row) for row in silent] == []


@pytest.mark.parametrize("name", API)
async def test_the_api_explains_itself_with_an_example(admin: Connection, name: str) -> None:
    comments = await _names(
        admin,
        "SELECT obj_description(oid, 'pg_proc') FROM pg_proc "
        f"WHERE pronamespace = 'schemad'::regnamespace AND proname = '{name}'",
    )
    assert len(comments) == 1
    assert f"schemad.{name}(" in comments[0]
    assert await admin.fetchval(
        "SELECT cardinality(proargnames) >= pronargs AND '' <> ALL (proargnames) FROM pg_proc "
        f"WHERE pronamespace = 'schemad'::regnamespace AND proname = '{name}'"
    )


async def test_every_privileged_function_pins_its_search_path(admin: Connection) -> None:
    rows = await admin.fetch(
        "SELECT proname, proconfig FROM pg_proc WHERE pronamespace = 'schemad'::regnamespace AND prosecdef"
    )
    assert {row["proname"] for row in rows} == {
        "approve_request",
        "reject_request",
        "cancel_request",
        "retry_request",
        "wait_for_request",
        "validate_request",
        "keep_policy_change",
        "preview_request",
        "prune",
        "wake_daemons",
        "keep_watch",
        "end_watch",
        "lock_key",
        "run_as_owner",
        "take_quota_turn",
    }
    assert all("search_path=pg_catalog, pg_temp" in (row["proconfig"] or []) for row in rows)


async def test_nothing_is_open_to_public(admin: Connection) -> None:
    assert (
        await _names(
            admin,
            "SELECT proname FROM pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner))) "
            "WHERE pronamespace = 'schemad'::regnamespace AND grantee = 0 "
            "UNION ALL SELECT relname FROM pg_class, aclexplode(relacl) "
            "WHERE relnamespace = 'schemad'::regnamespace AND grantee = 0 "
            "UNION ALL SELECT nspname FROM pg_namespace, aclexplode(nspacl) "
            "WHERE nspname = 'schemad' AND grantee = 0",
        )
        == []
    )


async def test_functions_that_disable_kinds_of_scans_are_not_compiled(admin: Connection) -> None:
    """Before PostgreSQL 18 a disabled scan that is needed all the same costs 1e10, far beyond jit_above_cost."""
    rows = await admin.fetch(
        "SELECT p.proname, p.proconfig FROM pg_proc AS p "
        "WHERE p.pronamespace = 'schemad'::regnamespace AND p.proconfig::text LIKE '%enable_seqscan%'"
    )
    assert {row["proname"] for row in rows} >= {"candidates", "claim_batch", "prove_batch", "record_batch"}
    assert all("jit=off" in row["proconfig"] for row in rows)
