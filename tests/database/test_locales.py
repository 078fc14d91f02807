"""Names and types fold alike in every database, whatever its locale makes of an I."""

import asyncio
import os
from collections.abc import Iterator

import asyncpg
import pytest

from schemad.store import migrate
from tests.database.asking import request_row, submit
from tests.support.daemons import running_daemon
from tests.support.databases import Database, Template


@pytest.fixture
def turkish(template: Template) -> Iterator[Database]:
    """A database in which lower('I') is a letter without a dot."""
    name = f"schemad_turkish_{os.getpid()}"
    made = f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'tr'"
    try:
        asyncio.run(template.run(made))
    except asyncpg.FeatureNotSupportedError as error:
        pytest.skip(f"this server has no other locale: {error}")
    try:
        yield Database(template.server, name)
    finally:
        asyncio.run(template.run(f"DROP DATABASE {name} WITH (FORCE)"))


async def test_a_turkish_database_takes_an_i_for_an_i(turkish: Database) -> None:
    async with turkish.connection() as admin, turkish.connection("app_one") as app:
        assert await admin.fetchval("SELECT lower('I') <> 'i'")
        await migrate(admin)
        await admin.execute("INSERT INTO schemad.protected_tables (name) VALUES ('invoices')")
        with pytest.raises(asyncpg.PostgresError, match="'INVOICES' is a protected table"):
            await submit(app, "INVOICES", {"fields": [{"name": "a", "type": "text"}]})
        async with running_daemon(turkish.dsn("daemon_login")):
            for fields in ([{"name": "ID", "type": "INTEGER"}], [{"name": "TITLE", "type": "TIMESTAMP"}]):
                request_id = await submit(app, "USER_LIST", {"fields": fields})
                await app.execute("SELECT schemad.wait_for_request($1, '20 s')", request_id)
                request = await request_row(app, request_id)
                assert request["status"] == "approved", request["findings"]
        rows = await app.fetch("SELECT field_name, field_type FROM schemad.describe_schema('USER_LIST')")
        assert [tuple(row) for row in rows] == [("id", "integer"), ("title", "timestamp")]
        assert await app.fetchval("SELECT count(*) FROM user_list") == 0
        logged = await admin.fetch("SELECT DISTINCT table_name FROM schemad.auto_create_log")
        assert [tuple(row) for row in logged] == [("public.user_list",)]
