"""What pages claim, and no example of theirs shows."""

from schemad.store import migrate
from tests.support.databases import Database


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
