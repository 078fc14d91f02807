"""Limits on requests hold however many ask at once, and an error says when to come back."""

import asyncio
import contextlib
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from typing import Literal

import asyncpg
import pytest

from schemad.store import Connection
from tests.database.asking import Ask, insert, refusal, submit
from tests.support.daemons import PATIENCE
from tests.support.databases import Database, fields

SESSIONS = 50
EACH = 3
BULK = (
    "INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload) "
    "SELECT 'user123', 'bulk_' || n, $1 FROM generate_series(1, $2::integer) AS n"
)


async def limit(admin: Connection, **settings: int | None) -> None:
    for name, value in settings.items():
        await admin.execute("SELECT schemad.set_policy($1, $2)", name, None if value is None else str(value))


async def count(admin: Connection) -> int:
    found: int = await admin.fetchval("SELECT count(*) FROM schemad.schema_requests")
    return found


async def age(admin: Connection, interval: str) -> None:
    """Makes all requests older, as nobody but a superuser who turns triggers off could."""
    await admin.execute(
        "SET session_replication_role = replica; "
        f"UPDATE schemad.schema_requests SET created_at = created_at - interval '{interval}'; "
        "RESET session_replication_role"
    )


async def hammer(
    database: Database, login: str = "app_one", users: int = 1, roles: tuple[str, ...] = ("none",)
) -> list[object]:
    """Has many sessions ask at once, each several times, in turn as each of the roles; what each of them got."""
    async with contextlib.AsyncExitStack() as stack:
        sessions = [await stack.enter_async_context(database.connection(login)) for _ in range(SESSIONS)]

        async def ask(number: int) -> list[object]:
            got: list[object] = []
            for turn in range(EACH):
                way = submit if turn % 2 else insert
                try:
                    await sessions[number].execute(f"SET ROLE {roles[(number + turn) % len(roles)]}")
                    name, user = f"t_{login}_{number}_{turn}", f"user{number % users}"
                    got.append(await way(sessions[number], name, fields("a"), user))
                except asyncpg.PostgresError as error:
                    got.append(error)
            return got

        async with asyncio.timeout(3 * PATIENCE):
            return [one for got in await asyncio.gather(*map(ask, range(SESSIONS))) for one in got]


def split(got: list[object]) -> tuple[list[int], list[asyncpg.PostgresError]]:
    """The ids and the errors."""
    ids = [one for one in got if isinstance(one, int)]
    errors = [one for one in got if isinstance(one, asyncpg.PostgresError)]
    assert len(ids) + len(errors) == SESSIONS * EACH
    return ids, errors


@pytest.mark.parametrize(
    ("setting", "rule", "hint"),
    [
        ("requests_per_minute", "limit.requests_per_minute", r"Come back in ([1-5]?\d|60) s\."),
        ("pending_requests", "limit.pending_requests", r"Come back when some are decided, .*cancel_request\(\)\."),
    ],
)
async def test_fifty_sessions_get_as_many_requests_through_as_allowed_and_not_one_more(
    database: Database, admin: Connection, setting: str, rule: str, hint: str
) -> None:
    await limit(admin, **{setting: 20})
    ids, errors = split(await hammer(database))
    assert len(ids) == len(set(ids)) == await count(admin) == 20
    for error in errors:
        assert error.sqlstate == "53400"
        assert str(error.args[0]).startswith("role app_one has ")
        found = error.as_dict()
        assert found["detail"].startswith(f"Rule {rule}, request for table 't_app_one_")
        assert re.fullmatch(hint, found["hint"])


async def test_each_requester_of_a_role_has_a_limit_of_its_own_under_fifty_sessions(
    database: Database, admin: Connection
) -> None:
    await limit(admin, requests_per_minute_and_user=4)
    ids, errors = split(await hammer(database, users=5))
    assert len(ids) == await count(admin) == 20
    rows = await admin.fetch("SELECT requester_user_id FROM schemad.schema_requests")
    assert Counter(row["requester_user_id"] for row in rows) == {f"user{n}": 4 for n in range(5)}
    for error in errors:
        assert error.sqlstate == "53400"
        assert re.fullmatch(r"'user[0-4]' has made 4 requests within a minute", str(error.args[0]))
        assert "Rule limit.requests_per_minute_and_user, " in error.as_dict()["detail"]


async def test_all_limits_hold_together_the_narrowest_of_them_first(database: Database, admin: Connection) -> None:
    await limit(admin, requests_per_minute=30, requests_per_minute_and_user=10, pending_requests=15)
    ids, errors = split(await hammer(database, users=2))
    assert len(ids) == await count(admin) == 15
    assert {e.sqlstate for e in errors} == {"53400"}


async def test_two_roles_hammer_their_own_limits(database: Database, admin: Connection) -> None:
    await limit(admin, requests_per_minute=12)
    both = await asyncio.gather(hammer(database, "app_one"), hammer(database, "app_two"))
    assert [len(split(got)[0]) for got in both] == [12, 12]
    rows = await admin.fetch("SELECT requested_by FROM schemad.schema_requests")
    assert Counter(row["requested_by"] for row in rows) == {"app_one": 12, "app_two": 12}


@pytest.fixture
async def many_roles(admin: Connection) -> AsyncIterator[tuple[str, ...]]:
    """The roles that the login many_login may ask as, its own among them."""
    # Roles are of the cluster: these go in the end, whatever the test did with the database.
    roles = ("many_login", "team_one", "team_two")
    for role in roles:
        await admin.execute(f"CREATE ROLE {role} LOGIN IN ROLE schemad_requester")
    await admin.execute("GRANT team_one, team_two TO many_login")
    try:
        yield roles
    finally:
        await admin.execute(f"DROP ROLE {', '.join(roles)}")


@pytest.mark.parametrize("setting", ["requests_per_minute", "pending_requests"])
async def test_fifty_sessions_of_a_login_with_several_roles_get_no_more_through_than_with_one(
    database: Database, admin: Connection, many_roles: tuple[str, ...], setting: str
) -> None:
    await limit(admin, **{setting: 20})
    # Who of them gets through is chance; that each of them counts is not to be.
    async with database.connection("many_login") as connection:
        for role in many_roles:
            await connection.execute(f"SET ROLE {role}")
            await submit(connection, f"first_of_{role}", fields("a"))
    ids, errors = split(await hammer(database, "many_login", roles=many_roles))
    assert len(ids) == 20 - len(many_roles)
    assert await count(admin) == 20
    rows = await admin.fetch("SELECT requested_by, count(*) AS n FROM schemad.schema_requests GROUP BY 1")
    assert {row["requested_by"] for row in rows} == set(many_roles)
    for error in errors:
        assert error.sqlstate == "53400"
        assert str(error.args[0]).startswith("login many_login has ")
        assert f"Rule limit.{setting}, " in error.as_dict()["detail"]


async def test_a_role_that_several_logins_ask_as_has_one_allowance(
    database: Database, admin: Connection, many_roles: tuple[str, ...]
) -> None:
    await limit(admin, requests_per_minute=20, pending_requests=20)
    both = await asyncio.gather(
        hammer(database, "many_login", roles=many_roles[1:2]), hammer(database, "team_one", roles=("none",))
    )
    assert sum(len(split(got)[0]) for got in both) == await count(admin) == 20
    assert {str(e.args[0]) for got in both for e in split(got)[1]} == {
        "role team_one has made 20 requests within a minute"
    }


async def test_who_comes_back_when_the_error_says_gets_through_whichever_role_it_takes(
    database: Database, admin: Connection, many_roles: tuple[str, ...]
) -> None:
    await limit(admin, requests_per_minute=2)
    async with database.connection("many_login") as connection, database.connection("team_one") as other:
        await submit(other, "one", fields("a"))
        await age(admin, "40 s")
        await connection.execute("SET ROLE team_one")
        await submit(connection, "two", fields("a"))
        await connection.execute("SET ROLE team_two")
        await submit(connection, "three", fields("a"))
        # The role's oldest is 40 s old, the login's is new: the later one counts.
        await connection.execute("SET ROLE team_one")
        refused = await refusal(submit(connection, "four", fields("a")))
        assert refused.message == "login many_login has made 2 requests within a minute"
        seconds = int(str(refused.hint).removeprefix("Come back in ").removesuffix(" s."))
        assert seconds > 50
        await age(admin, f"{seconds} s")
        await submit(connection, "four", fields("a"))


async def test_another_role_neither_counts_nor_waits(
    database: Database, admin: Connection, app: Connection
) -> None:
    await limit(admin, requests_per_minute=1, pending_requests=1)
    async with database.connection("app_two") as other, asyncio.timeout(PATIENCE), app.transaction():
        await submit(app, "mine", fields("a"))
        # The first one's transaction is still open: only its own role waits for it.
        await submit(other, "theirs", fields("a"))
        assert (await refusal(submit(other, "more", fields("a")))).sqlstate == "53400"


async def test_a_request_that_was_rolled_back_does_not_count(admin: Connection, app: Connection) -> None:
    await limit(admin, requests_per_minute=1, pending_requests=1, requests_per_minute_and_user=1)
    transaction = app.transaction()
    await transaction.start()
    await submit(app, "gone", fields("a"))
    await transaction.rollback()
    await submit(app, "kept", fields("a"))


@pytest.mark.parametrize("ask", [submit, insert])
@pytest.mark.parametrize("setting", ["requests_per_minute", "requests_per_minute_and_user"])
async def test_who_comes_back_when_the_error_says_gets_through(
    admin: Connection, app: Connection, setting: str, ask: Ask
) -> None:
    await limit(admin, **{setting: 2})
    await ask(app, "one", fields("a"))
    await age(admin, "50 s")
    await ask(app, "two", fields("a"))
    refused = await refusal(ask(app, "three", fields("a")))
    assert refused.hint is not None
    seconds = int(refused.hint.removeprefix("Come back in ").removesuffix(" s."))
    assert 0 < seconds <= 10
    await age(admin, f"{seconds} s")
    await ask(app, "three", fields("a"))
    assert (await refusal(ask(app, "four", fields("a")))).sqlstate == "53400"


async def test_a_decided_request_makes_room_for_the_next(admin: Connection, app: Connection) -> None:
    await limit(admin, pending_requests=2)
    first = await submit(app, "one", fields("a"))
    await submit(app, "two", fields("a"))
    assert (await refusal(submit(app, "three", fields("a")))).message == "role app_one has 2 requests pending"
    await app.execute("SELECT schemad.cancel_request($1)", first)
    await submit(app, "three", fields("a"))
    assert (await refusal(submit(app, "four", fields("a")))).sqlstate == "53400"


@pytest.mark.parametrize("setting", ["requests_per_minute", "requests_per_minute_and_user", "pending_requests"])
async def test_an_insert_of_more_than_the_limit_fails_whole(
    admin: Connection, app: Connection, setting: str
) -> None:
    await limit(admin, **{setting: 10})
    payload = json.dumps(fields("a"))
    assert (await refusal(app.execute(BULK, payload, 11))).sqlstate == "53400"
    assert await count(admin) == 0
    await app.execute(BULK, payload, 10)
    assert await count(admin) == 10
    assert (await refusal(app.execute(BULK, payload, 1))).sqlstate == "53400"


@pytest.mark.parametrize("isolation", ["repeatable_read", "serializable"])
@pytest.mark.parametrize("ask", [submit, insert])
async def test_a_transaction_that_can_not_see_what_is_counted_is_refused_where_there_is_a_limit(
    admin: Connection, app: Connection, ask: Ask, isolation: Literal["repeatable_read", "serializable"]
) -> None:
    async with app.transaction(isolation=isolation):
        await ask(app, "before", fields("a"))
    await limit(admin, requests_per_minute=100)
    transaction = app.transaction(isolation=isolation)
    await transaction.start()
    refused = await refusal(ask(app, "refused", fields("a")))
    await transaction.rollback()
    assert refused.sqlstate == "0A000"
    assert refused.message == f"a {isolation.replace('_', ' ')} transaction can't see what the limits count"
    assert refused.hint is not None
    assert "read committed" in refused.hint
    await limit(admin, requests_per_minute=None, tables_per_day=1)
    async with app.transaction(isolation=isolation):
        await ask(app, "after", fields("a"))


async def test_asking_again_with_the_same_key_is_no_request_more(admin: Connection, app: Connection) -> None:
    await limit(admin, requests_per_minute=1, requests_per_minute_and_user=1, pending_requests=1)
    first = await submit(app, "notes", fields("a"), key="k")
    assert await submit(app, "notes", fields("a"), key="k") == first
    assert (await refusal(submit(app, "other", fields("a"), key="k"))).sqlstate == "23505"
    assert (await refusal(submit(app, "other", fields("a"), key="l"))).sqlstate == "53400"


async def test_without_limits_nobody_waits(database: Database, app: Connection) -> None:
    async with database.connection("app_one") as other, asyncio.timeout(PATIENCE), app.transaction():
        await submit(app, "one", fields("a"))
        await submit(other, "two", fields("a"))
