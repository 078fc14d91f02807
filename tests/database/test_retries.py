"""A retry costs another look at a request, and so is limited where requests are."""

import asyncio
import contextlib
import re

from schemad.store import Connection
from tests.database.asking import refusal, submit
from tests.database.test_limits import limit
from tests.support.databases import Database, fields

RETRY = "SELECT schemad.retry_request($1)"


async def test_a_requester_retries_a_request_once_a_minute_where_requests_are_limited_by_the_minute(
    admin: Connection, app: Connection, dba: Connection
) -> None:
    first, other = [await submit(app, name, fields("a")) for name in ("first", "other")]
    for _ in range(2):
        await app.execute(RETRY, first)
    await limit(admin, requests_per_minute=10)
    refused = await refusal(app.execute(RETRY, first))
    assert (refused.sqlstate, refused.message) == ("53400", f"request {first} has been retried within a minute")
    assert refused.detail == "Rule limit.retries, request for table 'first'."
    assert re.fullmatch(r"Come back in ([1-5]?\d|60) s\.", refused.hint or "")
    # Each request has its own minute, and reviewers look as often as they like.
    await app.execute(RETRY, other)
    for _ in range(2):
        await dba.execute(RETRY, first)
    assert (await refusal(app.execute(RETRY, first))).sqlstate == "53400"
    await limit(admin, requests_per_minute=None, requests_per_minute_and_user=10)
    await app.execute(RETRY, first)


async def test_who_comes_back_to_retry_when_the_error_says_gets_through(
    admin: Connection, app: Connection
) -> None:
    await limit(admin, requests_per_minute=10)
    request_id = await submit(app, "notes", fields("a"))
    await app.execute(RETRY, request_id)
    ago = "UPDATE schemad.schema_requests SET retried_at = retried_at - $1::integer * interval '1 s'"
    await admin.execute(ago, 50)
    seconds = int(str((await refusal(app.execute(RETRY, request_id))).hint).split()[3])
    assert 0 < seconds <= 10
    await admin.execute(ago, seconds)
    await app.execute(RETRY, request_id)


async def test_of_many_retries_at_once_one_gets_through(
    database: Database, admin: Connection, app: Connection
) -> None:
    await limit(admin, requests_per_minute=10)
    request_id = await submit(app, "notes", fields("a"))
    async with contextlib.AsyncExitStack() as stack:
        sessions = [await stack.enter_async_context(database.connection("app_one")) for _ in range(10)]
        retries = (session.execute(RETRY, request_id) for session in sessions)
        got = await asyncio.gather(*retries, return_exceptions=True)
    assert sorted(getattr(one, "sqlstate", "") for one in got) == ["", *["53400"] * 9]
