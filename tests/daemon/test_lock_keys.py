"""Advisory locks are open to every login of a database, so none may know the keys of schemad's."""

from schemad.daemon import Daemon
from schemad.store import Connection
from tests.database.asking import refusal
from tests.support.databases import Database, fields
from tests.support.requests import ask, submit

# What the locks are for, by whom or for which table.
LOCKS = {"limits": "app_one", "quota": "app_one", "table": "notes"}
KEY = "SELECT schemad.lock_key($1, $2)"


async def test_a_login_that_knows_what_is_locked_stops_nobody(
    database: Database, admin: Connection, app: Connection, daemon: Daemon
) -> None:
    for setting in ("requests_per_minute", "tables_per_day"):
        await admin.execute("SELECT schemad.set_policy($1, '5')", setting)
    await app.execute("SET statement_timeout = '30 s'")
    async with database.connection("app_two") as rival:
        for purpose, name in LOCKS.items():
            for lock in (
                f"hashtext('schemad.{purpose}'), hashtext('{name}')",
                f"hashtextextended('schemad.{purpose}.{name}', 0)",
                f"('x' || left(encode(sha256('{purpose}\n{name}'), 'hex'), 16))::bit(64)::bigint",
            ):
                await rival.execute(f"SELECT pg_advisory_lock({lock})")
        assert (await ask(app, "notes", fields("a")))["status"] == "approved"
        assert (await ask(app, "notes", fields("a", "b")))["status"] == "approved"


async def test_who_asks_and_who_reviews_learns_no_key(database: Database) -> None:
    for login in ("app_one", "dba_one"):
        async with database.connection(login) as connection:
            for read in (KEY.replace("$1, $2", "'table', 'notes'"), "SELECT secret FROM schemad.lock_secret"):
                assert (await refusal(connection.execute(read))).sqlstate == "42501"
    async with database.connection("daemon_login") as connection:
        assert (await refusal(connection.execute("SELECT secret FROM schemad.lock_secret"))).sqlstate == "42501"


async def test_a_key_is_the_same_for_all_sessions_and_another_for_each_secret(
    database: Database, admin: Connection
) -> None:
    keys = [await admin.fetchval(KEY, purpose, name) for purpose, name in LOCKS.items()]
    async with database.connection("daemon_login") as connection:
        assert [await connection.fetchval(KEY, purpose, name) for purpose, name in LOCKS.items()] == keys
    await admin.execute("UPDATE schemad.lock_secret SET secret = concat(gen_random_uuid(), gen_random_uuid())")
    others = [await admin.fetchval(KEY, purpose, name) for purpose, name in LOCKS.items()]
    assert len({*keys, *others}) == 2 * len(LOCKS)


async def test_a_key_that_was_seen_in_use_is_of_no_use_for_the_next_change_of_a_table(
    database: Database, admin: Connection, app: Connection, daemon: Daemon
) -> None:
    seen = await admin.fetchval(KEY, "table", "notes")
    await ask(app, "notes", fields("a"))
    async with database.connection("app_two") as rival:
        await rival.execute("SELECT pg_advisory_lock($1)", seen)
        assert (await ask(app, "notes", fields("a", "b")))["status"] == "approved"


async def test_what_is_locked_while_requests_are_counted_nobody_else_can_lock(
    database: Database, admin: Connection, app: Connection, daemon: Daemon
) -> None:
    for setting in ("requests_per_minute", "tables_per_day"):
        await admin.execute("SELECT schemad.set_policy($1, '5')", setting)
    assert (await ask(app, "notes", fields("a")))["status"] == "approved"
    assert await admin.fetchval("SELECT count(*) FROM schemad.turns") == 2
    transaction = app.transaction()
    await transaction.start()
    await submit(app, "more_notes", fields("a"))
    # A lock that shows its key could be taken by whoever sees it, as soon as it is free.
    seen = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = $1"
    assert await admin.fetchval(seen, app.get_server_pid()) == 0
    for login in ("app_one", "app_two", "dba_one", "daemon_login"):
        async with database.connection(login) as rival:
            for sql in (
                "SELECT FROM schemad.turns FOR UPDATE",
                "SELECT FROM schemad.turns FOR KEY SHARE",
                "LOCK TABLE schemad.turns IN SHARE MODE",
                "DELETE FROM schemad.turns",
            ):
                attempt = f"DO $$ BEGIN {sql.replace('SELECT FROM', 'PERFORM FROM')}; END $$"
                assert (await refusal(rival.execute(attempt))).sqlstate == "42501"
    await transaction.rollback()
