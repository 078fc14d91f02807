"""The function of an index runs in the session of whoever analyzes the table, and acts for nobody there."""

import pytest

from schemad.store import Connection
from tests.database.asking import held, refusal, request_row, submit
from tests.support.databases import Database, fields

RESTRICTED = "within security-restricted operation"
# What has an index computed.
MAINTENANCE = (
    "ANALYZE public.bait",
    "REINDEX TABLE public.bait",
    "CREATE INDEX ON public.bait (public.nibble(a))",
)


async def bait(admin: Connection, app: Connection) -> None:
    """A requester's table, with an index whose function calls public.act() as soon as somebody has it computed."""
    await admin.execute("GRANT CREATE ON SCHEMA public TO app_one")
    await app.execute(
        "CREATE TABLE public.bait (a integer); INSERT INTO public.bait SELECT generate_series(1, 9); "
        "CREATE FUNCTION public.nibble(a integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT a'; "
        "CREATE INDEX ON public.bait (public.nibble(a)); "
        "CREATE OR REPLACE FUNCTION public.nibble(a integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM public.act(); RETURN a; END $$"
    )


async def acts(app: Connection, act: str) -> None:
    """Has it do that."""
    await app.execute(
        f"CREATE OR REPLACE FUNCTION public.act() RETURNS void LANGUAGE plpgsql AS $f$ BEGIN {act}; END $f$"
    )


@pytest.mark.every_server
@pytest.mark.parametrize("maintenance", MAINTENANCE)
async def test_nothing_is_asked_for_or_decided_in_the_name_of_whoever_maintains_a_table(
    admin: Connection, app: Connection, dba: Connection, maintenance: str
) -> None:
    own = await submit(admin, "own", fields("a"))
    await admin.execute("SELECT schemad.cancel_request($1)", await submit(admin, "told", fields("a")))
    review = await held(admin, app)
    attempts = [
        f"PERFORM schemad.cancel_request({own})",
        f"PERFORM schemad.retry_request({review})",
        f"PERFORM schemad.wait_for_request({own}, '0')",
        'PERFORM schemad.submit_request(\'u\', \'as_another\', \'{"fields": [{"name": "a", "type": "text"}]}\')',
        "UPDATE schemad.notifications SET delivered = true",
    ]
    await bait(admin, app)
    for attempt in attempts:
        await acts(app, attempt)
        refused = await refusal(admin.execute(maintenance))
        assert (refused.sqlstate, RESTRICTED in refused.message) == ("42501", True), (attempt, refused)
    before = await request_row(admin, review)
    # One who may call both, as where an application reviews: it is no reviewer's own call either.
    await admin.execute("GRANT EXECUTE ON FUNCTION schemad.approve_request, schemad.reject_request TO app_one")
    for verb in ("approve", "reject"):
        await acts(app, f"PERFORM schemad.{verb}_request({review}, 'unseen')")
        assert RESTRICTED in (await refusal(admin.execute(maintenance))).message
    assert await request_row(admin, review) == before
    assert (await request_row(admin, own))["status"] == "pending"
    assert await admin.fetchval("SELECT count(*) FROM schemad.schema_requests") == 3
    assert not await admin.fetchval("SELECT bool_or(delivered) FROM schemad.notifications")
    # Called by themselves, they do what they are for.
    await dba.execute("SELECT schemad.approve_request($1, 'seen')", review)
    assert await admin.fetchval("SELECT schemad.cancel_request($1)", own) == own


async def test_an_attempt_that_hides_its_error_leaves_nothing_either(admin: Connection, app: Connection) -> None:
    own = await submit(admin, "own", fields("a"))
    await bait(admin, app)
    await acts(
        app,
        "BEGIN INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload) "
        'VALUES (\'u\', \'as_another\', \'{"fields": [{"name": "a", "type": "text"}]}\'); '
        "EXCEPTION WHEN OTHERS THEN NULL; END; "
        f"BEGIN PERFORM schemad.cancel_request({own}); EXCEPTION WHEN OTHERS THEN NULL; END",
    )
    await admin.execute("ANALYZE public.bait")
    rows = await admin.fetch("SELECT schema_name, status::text FROM schemad.schema_requests")
    assert [tuple(row) for row in rows] == [("own", "pending")]


async def test_a_policy_is_not_changed_in_the_name_of_whoever_maintains_a_table(
    admin: Connection, app: Connection
) -> None:
    await admin.execute(
        "GRANT SELECT, UPDATE ON schemad.policy TO app_one; "
        "GRANT EXECUTE ON FUNCTION schemad.set_policy TO app_one"
    )
    await bait(admin, app)
    await acts(app, "PERFORM schemad.set_policy('max_fields', '7')")
    assert RESTRICTED in (await refusal(admin.execute("ANALYZE public.bait"))).message
    assert await admin.fetchval("SELECT count(*) FROM schemad.policy_changes") == 0
    await app.execute("SELECT schemad.set_policy('max_fields', '7')")
    assert await admin.fetchval("SELECT changed_by FROM schemad.policy_changes") == "app_one"


async def test_a_function_of_an_application_s_own_still_acts_for_its_caller(
    database: Database, admin: Connection, app: Connection
) -> None:
    await admin.execute("GRANT CREATE ON SCHEMA public TO app_one; GRANT app_one TO app_two")
    await admin.execute("GRANT EXECUTE ON FUNCTION schemad.caller TO app_one")
    await app.execute(
        "CREATE FUNCTION public.withdraw(id integer) RETURNS integer LANGUAGE sql SECURITY DEFINER AS "
        "'SELECT schemad.cancel_request(id)'; "
        "CREATE FUNCTION public.seen(id integer) RETURNS bigint LANGUAGE sql SECURITY DEFINER AS "
        "'SELECT count(*) FROM schemad.schema_requests AS r WHERE r.id = seen.id'"
    )
    async with database.connection("app_two") as other:
        request_id = await submit(other, "notes", fields("a"))
        async with other.transaction(readonly=True):
            assert await other.fetchval("SELECT public.seen($1)", request_id) == 1
            assert await other.fetchval("SELECT (schemad.wait_for_request($1, '0')).id", request_id) == request_id
        assert await other.fetchval("SELECT public.withdraw($1)", request_id) == request_id
        assert (await request_row(other, request_id))["decided_by"] == "app_two"


async def test_who_listens_keeps_on_listening(database: Database, admin: Connection, app: Connection) -> None:
    await app.execute("LISTEN schemad_decisions")
    await app.execute("SELECT schemad.cancel_request($1)", await submit(app, "notes", fields("a")))
    rows = await app.fetch("SELECT pg_listening_channels() AS channel")
    assert [row["channel"] for row in rows] == ["schemad_decisions"]
