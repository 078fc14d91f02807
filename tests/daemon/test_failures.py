"""Requests that PostgreSQL refuses or can't serve right now: they fail or wait alone, and the others go on."""

import json
from typing import Any

import pytest

from schemad.daemon import Daemon
from schemad.store import Connection
from tests.support.daemons import running_daemon
from tests.support.databases import Database, fields
from tests.support.requests import (
    INSERT,
    ask,
    assert_all_or_nothing,
    columns_of,
    decided,
    on_creation,
    put_off,
    rules,
    submit,
    submit_many,
    until,
)


async def submit_together(connection: Connection, payloads: dict[str, Any]) -> dict[str, int]:
    """Submits a request for each table, all in one statement, so that they come in one batch; ids by table."""
    rows = await connection.fetch(
        INSERT + "SELECT 'user123', n, p FROM unnest($1::text[], $2::jsonb[]) AS u (n, p) "
        "RETURNING schema_name, id",
        list(payloads),
        [json.dumps(payload) for payload in payloads.values()],
    )
    return {row["schema_name"]: row["id"] for row in rows}


async def test_a_request_that_the_server_refuses_fails_alone_in_its_batch(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    payloads = {f"sound_{n}": fields("a") for n in range(20)}
    # json has no order, so no btree can be built over it.
    payloads["sound_7"] = fields(doc="json") | {"indexes": [{"fields": ["doc"]}]}
    ids = await submit_together(app, payloads)
    requests = {name: await decided(app, i) for name, i in ids.items()}

    refused = requests.pop("sound_7")
    assert (refused["status"], refused["verdict"], rules(refused)) == ("pending", "failed", ["apply.failed"])
    assert refused["last_error"].startswith("42704 ")
    assert "no default operator class" in refused["findings"][0]["message"]
    assert "42704" in refused["findings"][0]["message"]
    assert await columns_of(admin, "public.sound_7") == []
    assert {r["status"] for r in requests.values()} == {"approved"}
    # One transaction wrote all of them, the refused one included.
    assert await admin.fetchval("SELECT count(DISTINCT xmin::text) FROM schemad.schema_requests") == 1
    log = await admin.fetch("SELECT action, count(*) FROM schemad.auto_create_log GROUP BY action ORDER BY action")
    assert [tuple(row) for row in log] == [("created", 19), ("failed", 1)]


async def test_a_failed_request_is_applied_by_a_retry_once_what_it_names_is_mended(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    await on_creation(admin, "vetoed", "RAISE EXCEPTION 'no tables on Sundays' USING ERRCODE = 'SD001'")
    ids = await submit_together(app, {"vetoed": fields("a"), "other": fields("a")})
    vetoed = await decided(app, ids["vetoed"])
    assert (vetoed["verdict"], vetoed["last_error"]) == ("failed", "SD001 no tables on Sundays")
    assert (await decided(app, ids["other"]))["status"] == "approved"

    await admin.execute("DROP EVENT TRIGGER interfere")
    await app.fetchval("SELECT schemad.retry_request($1)", vetoed["id"])
    mended = await decided(app, vetoed["id"])
    assert (mended["status"], mended["verdict"], mended["findings"]) == ("approved", "auto", [])
    assert mended["last_error"] is None


async def test_a_request_that_was_put_off_by_a_clock_that_was_ahead_is_tried_once_the_clock_is_right(
    database: Database, admin: Connection, app: Connection
) -> None:
    put_off = await submit(app, "ahead", fields("a"))
    held_by_another = await submit(app, "locked", fields("a"))
    await admin.execute(
        "UPDATE schemad.schema_requests SET attempts = 1, next_attempt_at = clock_timestamp() + interval '1 day'"
    )
    lock = admin.transaction()
    await lock.start()
    await admin.execute("SELECT FROM schemad.schema_requests WHERE id = $1 FOR UPDATE", held_by_another)
    async with running_daemon(database.dsn("daemon_login")):
        assert (await decided(app, put_off))["status"] == "approved"
        await lock.rollback()
        assert (await ask(app, "at_once", fields("a")))["status"] == "approved"
        assert (await decided(app, held_by_another))["status"] == "approved"


async def test_a_locked_table_puts_its_request_off_until_the_lock_is_gone(
    admin: Connection, app: Connection, dba: Connection, daemon: Daemon
) -> None:
    assert (await ask(app, "busy", fields("a")))["status"] == "approved"
    lock = admin.transaction()
    await lock.start()
    await admin.execute("LOCK TABLE public.busy IN ACCESS EXCLUSIVE MODE")
    ids = await submit_together(app, {"busy": fields("a", "b"), "other": fields("a")})
    assert (await decided(app, ids["other"]))["status"] == "approved"
    await until(
        dba,
        "EXISTS (SELECT FROM schemad.schema_requests WHERE id = $1 AND status = 'pending' AND verdict IS NULL "
        "AND attempts > 0 AND next_attempt_at IS NOT NULL AND last_error LIKE '55P03 %')",
        ids["busy"],
    )
    # Others that come later are not kept waiting either.
    assert (await ask(app, "later", fields("a")))["status"] == "approved"

    await lock.rollback()
    # Nobody is notified of that: the next attempt is what finds the way free.
    request = await decided(app, ids["busy"])
    assert (request["status"], request["next_attempt_at"]) == ("approved", None)
    assert await columns_of(admin, "public.busy") == ["id", "a", "b"]


async def test_a_foreign_key_to_a_locked_table_is_judged_once_the_lock_is_gone(
    admin: Connection, app: Connection, dba: Connection, daemon: Daemon
) -> None:
    assert (await ask(app, "busy", fields("a")))["status"] == "approved"
    await app.execute("INSERT INTO public.busy (a) VALUES ('x')")
    await admin.execute("SELECT schemad.set_policy('max_referenced_bytes', '8191')")
    lock = admin.transaction()
    await lock.start()
    await admin.execute("LOCK TABLE public.busy IN ACCESS EXCLUSIVE MODE")
    refers = {"fields": [{"name": "busy_id", "type": "bigint", "references": {"table": "busy"}}]}
    ids = await submit_together(app, {"refers": refers, "other": fields("a")})
    assert (await decided(app, ids["other"]))["status"] == "approved"
    await until(
        dba,
        "EXISTS (SELECT FROM schemad.schema_requests WHERE id = $1 AND last_error LIKE '55P03 %')",
        ids["refers"],
    )
    await lock.rollback()
    # Its size can be had again, and is what holds it.
    assert rules(await decided(app, ids["refers"])) == ["reference.large"]


async def test_a_request_whose_attempts_are_used_up_has_failed(
    database: Database, admin: Connection, app: Connection
) -> None:
    await admin.execute("UPDATE schemad.policy SET max_attempts = 2")
    async with running_daemon(database.dsn("daemon_login"), lock_timeout=0.05):
        await ask(app, "busy", fields("a"))
        lock = admin.transaction()
        await lock.start()
        await admin.execute("LOCK TABLE public.busy IN ACCESS EXCLUSIVE MODE")
        request = await ask(app, "busy", fields("a", "b"))
        assert (request["status"], request["verdict"], request["attempts"]) == ("pending", "failed", 2)
        assert request["last_error"].startswith("55P03 ")

        await lock.rollback()
        await app.fetchval("SELECT schemad.retry_request($1)", request["id"])
        assert (await decided(app, request["id"]))["status"] == "approved"


@pytest.mark.parametrize("max_attempts", [1, 2])
async def test_a_request_that_takes_too_long_does_not_keep_its_batch_from_being_applied(
    database: Database, admin: Connection, app: Connection, max_attempts: int
) -> None:
    await admin.execute("UPDATE schemad.policy SET max_attempts = $1", max_attempts)
    await on_creation(admin, "slow", "PERFORM pg_sleep(60)")
    async with running_daemon(database.dsn("daemon_login"), statement_timeout=2.0):
        ids = await submit_together(app, {"one": fields("a"), "slow": fields("a"), "two": fields("a")})
        assert [(await decided(app, ids[name]))["status"] for name in ("one", "two")] == ["approved"] * 2
        slow = await decided(app, ids["slow"])
        assert (slow["status"], slow["verdict"], slow["attempts"]) == ("pending", "failed", max_attempts)
        assert slow["last_error"].startswith("57014 ")
    assert await columns_of(admin, "public.slow") == []


async def test_a_table_that_is_dropped_by_hand_is_made_again_only_by_a_person(
    admin: Connection, app: Connection, dba: Connection, daemon: Daemon
) -> None:
    await ask(app, "gone", fields("a"))
    await admin.execute("DROP TABLE public.gone")
    held = await ask(app, "gone", fields("a", "b"))
    assert (held["verdict"], rules(held)) == ("review", ["table.missing"])
    await dba.fetchval("SELECT schemad.approve_request($1, 'it was dropped by mistake')", held["id"])
    assert (await decided(app, held["id"]))["status"] == "approved"
    assert await columns_of(admin, "public.gone") == ["id", "a", "b"]


async def test_a_table_that_is_made_again_belongs_to_the_role_that_has_it_made(
    database: Database, admin: Connection, app: Connection, dba: Connection, daemon: Daemon
) -> None:
    await ask(app, "gone", fields("a"))
    await admin.execute("DROP TABLE public.gone")
    # Whatever the policy says of tables that are missing: another role's is a matter for a person.
    await admin.execute("SELECT schemad.set_rule_severity('table.missing', 'warn')")
    owner = "SELECT owner_role, owner, version FROM schemad.schema_registry"
    async with database.connection("app_two") as other:
        held = await ask(other, "gone", fields("b"))
        assert (held["verdict"], rules(held)) == ("review", ["table.missing", "table.another_role"])
        message = held["findings"][1]["message"]
        assert message == "gone is a table of role app_one, and made again would be one of role app_two"
        await dba.fetchval("SELECT schemad.approve_request($1, 'it is theirs now')", held["id"])
        assert (await decided(other, held["id"]))["status"] == "approved"
        assert tuple(await admin.fetchrow(owner) or ()) == ("app_two", "user123", 2)
        # Its own, as if it had made it at first: it may write to it, and change it without a person.
        await other.execute("INSERT INTO public.gone (b) VALUES ('x')")
        assert (await ask(other, "gone", fields("b", "c")))["status"] == "approved"
    assert rules(await ask(app, "gone", fields("b", "d"))) == ["table.another_role"]
    assert tuple(await admin.fetchrow(owner) or ()) == ("app_two", "user123", 3)

    await admin.execute("DROP TABLE public.gone")
    async with database.connection("app_two") as other:
        again = await submit(other, "gone", fields("e"), "user456")
        assert (await decided(other, again))["status"] == "approved"
    assert tuple(await admin.fetchrow(owner) or ()) == ("app_two", "user456", 4)


async def test_a_request_that_lost_its_role_fails_and_the_queue_moves_on(
    admin: Connection, database: Database, app: Connection
) -> None:
    await admin.execute("CREATE ROLE app_leaving LOGIN; GRANT schemad_requester TO app_leaving")
    try:
        async with database.connection("app_leaving") as leaving:
            orphan = await submit(leaving, "orphan", fields("a"))
    finally:
        await admin.execute("DROP ROLE app_leaving")
    await submit_many(app, 3)
    async with running_daemon(database.dsn("daemon_login")):
        request = await decided(admin, orphan)
    assert (request["verdict"], request["last_error"][:6]) == ("failed", "42704 ")
    assert await columns_of(admin, "public.orphan") == []
    assert await admin.fetchval("SELECT count(*) FROM schemad.schema_requests WHERE status = 'approved'") == 3


async def refuse_record_of(admin: Connection, name: str) -> None:
    """Has nothing recorded of requests for a table of that name, as it is written."""
    await admin.execute(
        f"""
        CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'no message to this user'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON schemad.notifications FOR EACH ROW
        WHEN (NEW.payload ->> 'schema_name' = '{name}') EXECUTE FUNCTION public.refuse()
        """
    )


async def test_a_request_that_can_not_even_be_recorded_keeps_no_other_waiting_and_is_not_lost(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    await refuse_record_of(admin, "unrecorded")
    ids = await submit_together(app, {"unrecorded": fields("a"), "other": fields("a")})
    assert (await decided(app, ids["other"]))["status"] == "approved"
    assert (await ask(app, "later", fields("a")))["status"] == "approved"
    assert await columns_of(admin, "public.unrecorded") == []

    await admin.execute("DROP TRIGGER refuse ON schemad.notifications")
    assert (await decided(app, ids["unrecorded"]))["status"] == "approved"
    assert await assert_all_or_nothing(admin) == 3


@pytest.mark.parametrize("was_put_off", [False, True])
async def test_a_request_that_can_not_even_be_recorded_keeps_no_later_one_for_its_table_waiting(
    database: Database, admin: Connection, app: Connection, was_put_off: bool
) -> None:
    await refuse_record_of(admin, "unrecorded")
    first = await submit(app, "unrecorded", fields("a"))
    if was_put_off:
        await put_off(admin, first, -1)
    async with running_daemon(database.dsn("daemon_login")):
        assert (await ask(app, "Unrecorded", fields("b")))["status"] == "approved"
    assert await app.fetchval("SELECT verdict IS NULL FROM schemad.schema_requests WHERE id = $1", first)
