"""What the policy says is followed at once by a running daemon, and what a new table's people may do with it."""

import asyncpg
import pytest

from schemad.daemon import Daemon
from schemad.store import Connection
from tests.support.databases import Database, fields
from tests.support.requests import ask, columns_of, decided, rules


async def test_a_type_that_is_no_longer_safe_needs_a_review_from_then_on(
    app: Connection, admin: Connection, daemon: Daemon
) -> None:
    assert (await ask(app, "before", fields(key="uuid")))["status"] == "approved"
    await admin.execute("UPDATE schemad.safe_types SET auto = false WHERE name = 'uuid'")
    held = await ask(app, "after", fields(key="uuid"))
    assert (held["verdict"], rules(held)) == ("review", ["type.not_safe"])
    await admin.execute("UPDATE schemad.safe_types SET auto = true WHERE name = 'uuid'")
    assert (await ask(app, "again", fields(key="uuid")))["status"] == "approved"


async def test_a_name_that_becomes_protected_is_refused_even_where_it_was_approved(
    app: Connection, admin: Connection, dba: Connection, daemon: Daemon
) -> None:
    held = await ask(app, "payroll", fields("a") | {"checks": ["repeat(a, 2) <> ''"]})
    await admin.execute("INSERT INTO schemad.protected_tables (name) VALUES ('payroll')")
    with pytest.raises(asyncpg.ReservedNameError):
        await ask(app, "Payroll", fields("a"))
    await dba.fetchval("SELECT schemad.approve_request($1, 'agreed')", held["id"])
    refused = await decided(app, held["id"])
    assert (refused["status"], refused["verdict"]) == ("pending", "review")
    assert rules(refused) == ["name.protected", "expression.function_not_allowed"]
    assert await columns_of(admin, "public.payroll") == []


async def test_tables_go_to_the_schema_that_the_policy_names(
    app: Connection, admin: Connection, daemon: Daemon
) -> None:
    assert (await ask(app, "here", fields("a")))["status"] == "approved"
    await admin.execute(
        'CREATE SCHEMA "App Data"; GRANT USAGE, CREATE ON SCHEMA "App Data" TO schemad_owner; '
        "UPDATE schemad.policy SET table_schema = 'App Data'"
    )
    assert (await ask(app, "there", fields("a")))["status"] == "approved"
    assert await columns_of(admin, '"App Data".there') == ["id", "a"]
    assert await columns_of(admin, "public.there") == []


async def test_limits_hold_a_request_that_exceeds_them(app: Connection, admin: Connection, daemon: Daemon) -> None:
    await admin.execute("UPDATE schemad.policy SET max_fields = 2, max_indexes = 1")
    assert (await ask(app, "small", fields("a")))["status"] == "approved"
    # The id that schemad adds does not count.
    assert (await ask(app, "medium", fields("a", "b")))["status"] == "approved"
    held = await ask(app, "large", fields("a", "b", "c") | {"unique": [["a", "b"]]})
    assert (held["verdict"], rules(held)) == ("review", ["limit.fields", "limit.indexes"])


async def test_a_new_table_belongs_to_the_owner_role_and_its_requester_can_use_it(
    database: Database, app: Connection, admin: Connection, daemon: Daemon
) -> None:
    await ask(app, "notes", fields("a", number="serial"))
    assert await admin.fetchval("SELECT tableowner FROM pg_tables WHERE tablename = 'notes'") == "schemad_owner"
    granted = await admin.fetch(
        "SELECT grantee::regrole::text AS role, privilege_type AS privilege, is_grantable "
        "FROM pg_class, aclexplode(relacl) WHERE oid = 'public.notes'::regclass AND grantee <> relowner"
    )
    assert sorted(tuple(g) for g in granted) == [
        ("app_one", privilege, False) for privilege in ("DELETE", "INSERT", "SELECT", "UPDATE")
    ]
    await app.execute("INSERT INTO notes (a) VALUES ('x'), ('y')")
    await app.execute("UPDATE notes SET a = 'z' WHERE a = 'x'")
    await app.execute("DELETE FROM notes WHERE a = 'y'")
    assert tuple(await app.fetchrow("SELECT id, a, number FROM notes") or ()) == (1, "z", 1)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute("DROP TABLE notes")
    async with database.connection("app_two") as other:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await other.fetch("SELECT * FROM notes")


async def test_descriptions_become_comments(app: Connection, admin: Connection, daemon: Daemon) -> None:
    tricky = 'It\'s \\ "quoted"; $$ -- and 🎉\nin two lines'
    payload = {
        "description": tricky,
        "fields": [{"name": "a", "type": "text", "description": tricky}, {"name": "b", "type": "text"}],
    }
    await ask(app, "notes", payload)
    comments = await admin.fetchrow(
        "SELECT obj_description(oid, 'pg_class'), col_description(oid, 1), col_description(oid, 2), "
        "col_description(oid, 3) FROM pg_class WHERE oid = 'public.notes'::regclass"
    )
    assert tuple(comments or ()) == (tricky, None, tricky, None)
