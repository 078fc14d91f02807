"""`schemad prune`: batch by batch what the policy no longer keeps, and no more than is asked for."""

import pytest

from schemad.cli import prune
from schemad.store import Connection
from tests.cli.program import schemad_beside
from tests.support.databases import Database
from tests.support.servers import server_names

pytestmark = pytest.mark.parametrize("server", server_names()[-1:], indirect=True, scope="session")


async def test_it_removes_all_that_is_old_enough_or_as_much_as_is_asked_for(
    database: Database, admin: Connection
) -> None:
    old = prune.BATCH + 25  # more than one transaction removes
    await admin.execute(
        "INSERT INTO schemad.auto_create_log (action, created_at) "
        "SELECT 'skipped', now() - interval '3 years' FROM generate_series(1, $1::integer)",
        old,
    )
    await admin.execute("INSERT INTO schemad.auto_create_log (action) VALUES ('skipped')")

    some = await schemad_beside("prune", "--limit", 5, "--json", dsn=database.dsn())
    assert some.json == {"auto_create_log": 5, "notifications": 0, "schema_requests": 0}
    rest = await schemad_beside("prune", dsn=database.dsn())
    assert (rest.code, rest.err) == (0, "")
    assert rest.out.splitlines()[0] == f"auto_create_log: {old - 5:,} removed"
    assert (await schemad_beside("prune", dsn=database.dsn())).out == "nothing is older than the policy keeps\n"
    assert await admin.fetchval("SELECT count(*) FROM schemad.auto_create_log") == 1
