"""Deciding: four eyes on an approval, a reason for each, and the requester is told."""

import json
from collections.abc import AsyncIterator

import pytest

from schemad.store import Connection
from tests.database.asking import Refusal, held, hold, listening, refusal, request_row, submit
from tests.support.databases import Database, fields


@pytest.fixture
async def stranger(database: Database) -> AsyncIterator[Connection]:
    """Another requester."""
    async with database.connection("app_two") as connection:
        yield connection


async def test_an_approval_puts_a_held_request_back_into_the_queue(
    admin: Connection, app: Connection, dba: Connection
) -> None:
    request_id = await held(admin, app)
    assert request_id == await dba.fetchval(
        "SELECT schemad.approve_request(request_id => $1, reason => 'agreed')", request_id
    )
    row = await request_row(app, request_id)
    assert (row["status"], row["verdict"], row["decided_by"], row["decision_reason"], row["attempts"]) == (
        "pending",
        None,
        "dba_one",
        "agreed",
        0,
    )
    # What was approved is this plan: the daemon compares.
    assert row["plan_sql"] == "SELECT 1"


async def test_what_was_not_assessed_cannot_be_approved(app: Connection, dba: Connection) -> None:
    request_id = await submit(app, "notes", fields("a"))
    assert await refusal(dba.execute("SELECT schemad.approve_request($1, 'fine')", request_id)) == Refusal(
        "55000",
        f"request {request_id} can't be approved: it has not been assessed",
        None,
        "An approval is for the plan that the daemon shows: wait for it with schemad.wait_for_request().",
    )


async def test_no_approval_lifts_a_refusal(admin: Connection, app: Connection, dba: Connection) -> None:
    request_id = await held(admin, app, severity="refuse")
    assert await refusal(dba.execute("SELECT schemad.approve_request($1, 'fine')", request_id)) == Refusal(
        "55000",
        f"request {request_id} can't be approved by anybody",
        "is odd. Rule expression.function_not_allowed: no approval lifts it.",
        "Mend.",
    )


async def _digest(connection: Connection, request_id: int) -> str:
    found: str = await connection.fetchval(
        "SELECT plan_digest FROM schemad.pending_requests WHERE id = $1", request_id
    )
    return found


async def test_an_approval_with_a_digest_is_for_the_plan_that_was_seen_and_for_no_other(
    admin: Connection, app: Connection, dba: Connection
) -> None:
    approve = "SELECT schemad.approve_request($1, 'agreed', $2)"
    changes = {
        "another plan": "plan_sql = 'SELECT 2'",
        "a further finding": 'findings = findings || \'[{"rule": "limit.fields", "severity": "review"}]\'',
        "no plan": "plan_sql = NULL",
    }
    for what, change in changes.items():
        request_id = await held(admin, app, what.replace(" ", "_"))
        seen = await _digest(dba, request_id)
        await admin.execute(f"UPDATE schemad.schema_requests SET {change} WHERE id = $1", request_id)
        now = await _digest(dba, request_id)
        assert seen != now
        assert await refusal(dba.execute(approve, request_id, seen)) == Refusal(
            "55000",
            f"request {request_id} can't be approved: its plan is not the one that you saw",
            f"Rule review.plan_changed: you gave the digest '{seen}', and that of the plan is {now or 'none'}.",
            "Read plan_sql and why in schemad.pending_requests again, and approve with the plan_digest beside "
            "them.",
        )
        assert (await request_row(app, request_id))["verdict"] == "review"
        if now is not None:
            assert await dba.fetchval(approve, request_id, now) == request_id


async def test_a_digest_stands_for_the_plan_and_the_rules_in_any_order_and_how_often(
    admin: Connection, app: Connection, dba: Connection
) -> None:
    def findings(*rules: str) -> str:
        return json.dumps([{"rule": rule, "severity": "review"} for rule in rules])

    set_findings = "UPDATE schemad.schema_requests SET findings = $2 WHERE id = $1"
    digests = []
    for number, rules in enumerate([("a.b", "c.d"), ("c.d", "a.b", "c.d"), ("c.d",)]):
        request_id = await held(admin, app, f"table_{number}")
        await admin.execute(set_findings, request_id, findings(*rules))
        digests.append(await _digest(dba, request_id))
    assert digests[0] == digests[1] != digests[2]
    assert all(len(d) == 32 and set(d) <= set("0123456789abcdef") for d in digests)


@pytest.mark.parametrize(
    ("function", "done"),
    [
        ("approve_request($1, 'fine')", "approved"),
        ("reject_request($1, 'no')", "rejected"),
        ("cancel_request($1)", "cancelled"),
        ("retry_request($1)", "retried"),
    ],
)
@pytest.mark.parametrize("status", ["approved", "rejected", "cancelled"])
async def test_what_is_decided_stays_decided(
    admin: Connection, app: Connection, dba: Connection, function: str, done: str, status: str
) -> None:
    request_id = await held(admin, app)
    await admin.execute(
        "UPDATE schemad.schema_requests SET status = $2, processed_at = now(), decided_by = 'dba_two', "
        "decision_reason = 'so it is' WHERE id = $1",
        request_id,
        status,
    )
    before = await request_row(admin, request_id)
    assert await refusal(dba.execute(f"SELECT schemad.{function}", request_id)) == Refusal(
        "55000",
        f"request {request_id} can't be {done}: it is {status}",
        f"{status} by dba_two: so it is",
        "Submit a new request.",
    )
    assert await request_row(admin, request_id) == before


@pytest.mark.parametrize("function", ["approve_request", "reject_request"])
@pytest.mark.parametrize("reason", [None, "", "   "])
async def test_a_decision_needs_a_reason(
    admin: Connection, app: Connection, dba: Connection, function: str, reason: str | None
) -> None:
    request_id = await held(admin, app)
    refused = await refusal(dba.execute(f"SELECT schemad.{function}($1, $2)", request_id, reason))
    assert (refused.sqlstate, refused.message) == ("22023", "a decision needs a reason")
    assert refused.hint
    assert (await request_row(app, request_id))["verdict"] == "review"


@pytest.mark.parametrize("missing", [None, 4711])
@pytest.mark.parametrize(
    "function",
    ["approve_request($1, 'fine')", "reject_request($1, 'no')", "cancel_request($1)", "retry_request($1)"],
)
async def test_a_request_that_is_not_there_is_said_not_to_be(
    dba: Connection, function: str, missing: int | None
) -> None:
    assert await refusal(dba.execute(f"SELECT schemad.{function}", missing)) == Refusal(
        "P0002",
        f"there is no request {'NULL' if missing is None else missing}",
        None,
        "schemad.list_requests() shows those that you may see.",
    )


async def test_who_may_not_decide_on_a_request_does_not_lock_it_either(
    admin: Connection, app: Connection, stranger: Connection
) -> None:
    request_id = await submit(app, "notes", fields("a"))
    await stranger.execute("SET lock_timeout = '1ms'")  # any wait for a lock would be another error
    async with admin.transaction():
        await admin.execute("SELECT FROM schemad.schema_requests WHERE id = $1 FOR UPDATE", request_id)
        refused = await refusal(stranger.execute("SELECT schemad.cancel_request($1)", request_id))
        assert refused.message == f"there is no request {request_id}"


@pytest.mark.parametrize("function", ["cancel_request", "retry_request"])
async def test_the_request_of_another_role_looks_as_if_it_were_not_there(
    admin: Connection, app: Connection, stranger: Connection, function: str
) -> None:
    request_id = await held(admin, app)
    for unseen in (request_id, 4711):
        refused = await refusal(stranger.execute(f"SELECT schemad.{function}($1)", unseen))
        assert (refused.sqlstate, refused.message) == ("P0002", f"there is no request {unseen}")
    assert (await request_row(app, request_id))["verdict"] == "review"


@pytest.mark.parametrize("function", ["approve_request", "reject_request"])
async def test_requesters_decide_nothing(admin: Connection, app: Connection, function: str) -> None:
    request_id = await held(admin, app)
    assert (await refusal(app.execute(f"SELECT schemad.{function}($1, 'x')", request_id))).sqlstate == "42501"


@pytest.fixture
async def both(database: Database, admin: Connection) -> AsyncIterator[Connection]:
    """A login that may ask and decide, and may take the role team_role."""
    # Roles are of the cluster: these go in the end, whatever the test did with the database.
    await admin.execute("CREATE ROLE both_login LOGIN IN ROLE schemad_requester, schemad_reviewer")
    await admin.execute("CREATE ROLE team_role IN ROLE schemad_requester, schemad_reviewer")
    await admin.execute("GRANT team_role TO both_login")
    try:
        async with database.connection("both_login") as connection:
            yield connection
    finally:
        await admin.execute("DROP ROLE team_role")
        await admin.execute("DROP ROLE both_login")


async def _four_eyes(connection: Connection, request_id: int, who: str) -> None:
    assert await refusal(connection.execute("SELECT schemad.approve_request($1, 'mine')", request_id)) == Refusal(
        "42501",
        f"request {request_id} can't be approved by {who}, who asked for it",
        "Rule review.four_eyes.",
        "Have another reviewer approve it, or set allow_self_approval in schemad.policy.",
    )


async def test_nobody_approves_their_own_request_whichever_role_they_take(
    admin: Connection, dba: Connection, both: Connection
) -> None:
    own = await held(admin, both, "own")
    await _four_eyes(both, own, "both_login")
    await both.execute("SET ROLE team_role")
    await _four_eyes(both, own, "team_role")

    by_team = await held(admin, both, "by_team")
    await _four_eyes(both, by_team, "team_role")
    await both.execute("RESET ROLE")
    await _four_eyes(both, by_team, "both_login")
    await both.execute("SET ROLE schemad_reviewer")
    await _four_eyes(both, by_team, "schemad_reviewer")

    for request_id in (own, by_team):
        await dba.execute("SELECT schemad.approve_request($1, 'agreed')", request_id)


async def test_the_policy_may_allow_to_approve_ones_own(admin: Connection, both: Connection) -> None:
    own = await held(admin, both)
    await admin.execute("UPDATE schemad.policy SET allow_self_approval = true")
    assert await both.fetchval("SELECT schemad.approve_request($1, 'mine')", own) == own
    assert (await request_row(both, own))["decided_by"] == "both_login"


async def test_a_reviewer_may_reject_their_own(admin: Connection, both: Connection) -> None:
    own = await held(admin, both)
    assert await both.fetchval("SELECT schemad.reject_request($1, 'changed my mind')", own) == own


async def test_a_rejection_is_recorded_and_told(
    database: Database, admin: Connection, app: Connection, dba: Connection
) -> None:
    request_id = await held(admin, app)
    async with listening(database, "schemad_decisions") as so_far:
        assert request_id == await dba.fetchval(
            "SELECT schemad.reject_request(request_id => $1, reason => 'use the table orders')", request_id
        )
        told = await so_far()
    assert [json.loads(t) for t in told] == [{"id": request_id, "status": "rejected"}]
    row = await request_row(app, request_id)
    assert (row["status"], row["decided_by"], row["decision_reason"]) == (
        "rejected",
        "dba_one",
        "use the table orders",
    )
    assert row["processed_at"] > row["created_at"]
    message = await app.fetchrow("SELECT user_id, role_name, delivered, payload FROM schemad.notifications")
    assert message is not None
    assert tuple(message)[:3] == ("user123", "app_one", False)
    payload = json.loads(message["payload"])
    assert payload.pop("findings")[0]["rule"] == "expression.function_not_allowed"
    assert payload == {
        "request_id": request_id,
        "schema_name": "held",
        "status": "rejected",
        "verdict": "review",
        "message": "rejected by dba_one: use the table orders",
    }


async def test_a_request_can_be_rejected_before_it_is_assessed(app: Connection, dba: Connection) -> None:
    request_id = await submit(app, "notes", fields("a"))
    await dba.execute("SELECT schemad.reject_request($1, 'not this one')", request_id)
    assert (await request_row(app, request_id))["status"] == "rejected"


async def test_a_withdrawal_is_recorded_and_told(database: Database, app: Connection) -> None:
    request_id = await submit(app, "notes", fields("a"))
    async with listening(database, "schemad_decisions") as so_far:
        assert request_id == await app.fetchval("SELECT schemad.cancel_request(request_id => $1)", request_id)
        told = await so_far()
    assert [json.loads(t) for t in told] == [{"id": request_id, "status": "cancelled"}]
    row = await request_row(app, request_id)
    assert (row["status"], row["decided_by"], row["decision_reason"]) == ("cancelled", "app_one", "withdrawn")
    assert row["processed_at"] > row["created_at"]
    message = json.loads(await app.fetchval("SELECT payload FROM schemad.notifications"))
    assert (message["status"], message["message"]) == ("cancelled", "cancelled by app_one: withdrawn")


async def test_a_retry_has_a_request_assessed_again(admin: Connection, app: Connection, dba: Connection) -> None:
    for connection in (app, dba):
        request_id = await hold(admin, await submit(app, "notes", fields("a")))
        await admin.execute(
            "UPDATE schemad.schema_requests SET attempts = 10, next_attempt_at = now() + interval '1 h' "
            "WHERE id = $1",
            request_id,
        )
        assert request_id == await connection.fetchval(
            "SELECT schemad.retry_request(request_id => $1)", request_id
        )
        row = await request_row(app, request_id)
        assert (row["status"], row["verdict"], row["attempts"], row["next_attempt_at"]) == (
            "pending",
            None,
            0,
            None,
        )


async def test_a_retry_is_no_approval(admin: Connection, app: Connection) -> None:
    request_id = await held(admin, app)
    await app.execute("SELECT schemad.retry_request($1)", request_id)
    assert (await request_row(app, request_id))["decided_by"] is None
