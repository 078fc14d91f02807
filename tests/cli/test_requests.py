"""The verbs on requests: what they print, as text and as JSON, and how they end."""

import asyncio
import json
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from schemad.daemon import Daemon
from schemad.store import Connection
from tests.cli.program import (
    EXIT_BAD_INPUT,
    EXIT_FAILED,
    EXIT_REVIEW,
    FOR_REVIEW,
    LOW_RISK,
    PATIENCE,
    PROGRAM,
    SPEC_PAYLOAD,
    environment,
    request_file,
    schemad_beside,
)
from tests.support.databases import Database
from tests.support.requests import submit, until
from tests.support.servers import server_names

# What is told here does not depend on the server's version.
pytestmark = pytest.mark.parametrize("server", server_names()[-1:], indirect=True, scope="session")


async def test_submit_returns_once_the_table_is_there(
    database: Database, admin: Connection, daemon: Daemon, tmp_path: Path
) -> None:
    file = request_file(tmp_path, "user_preferences", SPEC_PAYLOAD, requester_user_id="user123")
    run = await schemad_beside("submit", file, dsn=database.dsn("app_one"))
    assert (run.code, run.err) == (0, "")
    assert run.out.startswith("request 1: user_preferences\n  approved · approved by schemad")
    assert "asked for by user123 (role app_one)" in run.out
    assert 'CREATE TABLE "public"."user_preferences"' in run.out
    assert await admin.fetchval("SELECT count(*) FROM public.user_preferences") == 0


async def test_a_held_request_is_shown_with_its_reasons_until_a_reviewer_approves_it(
    database: Database, admin: Connection, daemon: Daemon, tmp_path: Path
) -> None:
    file = request_file(tmp_path, "checked", FOR_REVIEW)
    held = await schemad_beside("submit", file, "--user", "user123", "--json", dsn=database.dsn("app_one"))
    assert held.code == EXIT_REVIEW
    assert (held.json["status"], held.json["verdict"]) == ("pending", "review")
    assert [finding["rule"] for finding in held.json["findings"]] == ["expression.function_not_allowed"]
    assert held.json["request_payload"] == FOR_REVIEW

    shown = await schemad_beside("show", 1, dsn=database.dsn("app_one"))
    assert shown.code == 0
    for word in (
        "request 1: checked",
        "[expression.function_not_allowed]",
        "CHECK (repeat(a, 2) <> '')",
        "asked for by user123",
    ):
        assert word in shown.out

    refused = await schemad_beside("approve", 1, "-r", "mine", dsn=database.dsn("app_one"))
    assert refused.code == EXIT_FAILED
    assert "permission denied" in refused.err
    assert "schemad_reviewer" in refused.err

    [digest] = [line.split()[-1] for line in shown.out.splitlines() if line.startswith("  plan digest: ")]
    other = await schemad_beside("approve", 1, "-r", "x", "--digest", "0" * 12, dsn=database.dsn("dba_one"))
    assert (other.code, other.out) == (EXIT_FAILED, "")
    assert "request 1 can't be approved: its plan is not the one that you saw" in other.err
    assert f"that of the plan is {digest}" in other.err

    approve = ("approve", 1, "-r", "agreed [b]", "--digest", digest, "--json")
    approved = await schemad_beside(*approve, dsn=database.dsn("dba_one"))
    assert approved.code == 0
    assert (approved.json["status"], approved.json["decided_by"]) == ("approved", "dba_one")
    assert approved.json["decision_reason"] == "agreed [b]"
    assert await admin.fetchval("SELECT to_regclass('public.checked') IS NOT NULL")

    again = await schemad_beside("approve", 1, "-r", "again", dsn=database.dsn("dba_one"))
    assert again.code == EXIT_FAILED
    assert "request 1 can't be approved: it is approved" in again.err
    assert "hint: " in again.err


async def test_approve_prints_the_plan_first_and_approves_that_and_no_other(
    database: Database, admin: Connection, app: Connection, daemon: Daemon
) -> None:
    request_id = await app.fetchval(
        "SELECT schemad.submit_request('user123', 'checked', $1)", json.dumps(FOR_REVIEW)
    )
    await app.fetchval("SELECT schemad.wait_for_request($1)", request_id)
    # As if it were planned anew between the two.
    body = await admin.fetchval("SELECT prosrc FROM pg_proc WHERE proname = 'plan_digest'")
    signature = "schemad.plan_digest(request schemad.schema_requests)"
    define = f"CREATE OR REPLACE FUNCTION {signature} RETURNS text LANGUAGE sql AS"
    await admin.execute("CREATE SEQUENCE public.plans; GRANT USAGE ON SEQUENCE public.plans TO schemad_reviewer")
    await admin.execute(f"{define} $$ SELECT 'plan_' || nextval('public.plans') $$")
    overtaken = await schemad_beside("approve", request_id, "-r", "agreed", dsn=database.dsn("dba_one"))
    assert overtaken.code == EXIT_FAILED
    assert "  plan digest: plan_1\n" in overtaken.out
    assert "you gave the digest 'plan_1'" in overtaken.err

    await admin.execute(f"{define} $${body}$$")
    approved = await schemad_beside("approve", request_id, "-r", "agreed", dsn=database.dsn("dba_one"))
    assert approved.code == 0
    before, after = approved.out.split("  plan digest: ")
    assert "CHECK (repeat(a, 2) <> '')" in before
    assert "approved · approved by dba_one: agreed" in after
    assert "CHECK" not in after


async def test_what_one_request_has_for_numbers_keeps_nobody_from_reading_it_or_the_others(
    database: Database, app: Connection
) -> None:
    as_written = {
        "more digits than Python reads": "1" + "0" * 5_000,
        "more than a float holds": "1" + "0" * 400 + ".5",
        "more digits than a float has": "0.12345678901234567890",
        "nested deeper than Python reads": "[" * 3_000 + "]" * 3_000,
    }
    for value in as_written.values():
        payload = (
            f'{{"fields": [{{"name": "a", "type": "numeric", "default": {value}, "metadata": {{"b": {value}}}}}]}}'
        )
        await app.fetchval("SELECT schemad.submit_request('user123', 'numbers', $1)", payload)
    listed = await schemad_beside("list", dsn=database.dsn("app_one"))
    assert (listed.code, listed.err, listed.out.count("numbers")) == (0, "", len(as_written))
    printed = await schemad_beside("list", "--json", dsn=database.dsn("app_one"))
    assert printed.code == 0
    for number, value in enumerate(as_written.values(), 1):
        for verb in ("show", "wait"):
            options = ("--timeout", 0) if verb == "wait" else ()
            text = await schemad_beside(verb, number, *options, dsn=database.dsn("app_one"))
            assert f"request {number}: numbers" in text.out
            run = await schemad_beside(verb, number, *options, "--json", dsn=database.dsn("app_one"))
            for out in (run.out, printed.out):
                assert f'"default":{value}' in "".join(out.split())
        assert not {"Infinity", "NaN"}.intersection(run.out.split())


async def test_describe_prints_the_metadata_s_numbers_as_they_were_submitted(
    database: Database, app: Connection, daemon: Daemon
) -> None:
    payload = (
        '{"fields": [{"name": "a", "type": "text", "metadata": {"rate": 0.12345678901234567890, "most": 1e400}}]}'
    )
    request_id = await app.fetchval("SELECT schemad.submit_request('user123', 'rates', $1)", payload)
    await app.fetchval("SELECT schemad.wait_for_request($1)", request_id)
    run = await schemad_beside("describe", "rates", "--json", dsn=database.dsn("app_one"))
    assert run.code == 0
    assert '"rate": 0.12345678901234567890' in run.out
    assert f'"most": 1{"0" * 400}' in run.out


async def test_a_plan_that_is_there_only_once_approve_has_looked_is_not_approved(
    database: Database, admin: Connection, app: Connection
) -> None:
    request_id = await submit(app, "checked", FOR_REVIEW)
    async with admin.transaction():
        await admin.execute("SELECT FROM schemad.schema_requests FOR UPDATE")
        approving = asyncio.create_task(
            schemad_beside("approve", request_id, "-r", "agreed", dsn=database.dsn("dba_one"))
        )
        # It has looked, and found it queued.
        waits = "NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
        await until(admin, f"EXISTS (SELECT FROM pg_locks WHERE {waits})")
        # As a daemon does.
        await admin.execute("SET LOCAL session_replication_role = replica")
        plan = "verdict = 'review', plan_sql = 'CREATE TABLE unseen ()'"
        await admin.execute(f"UPDATE schemad.schema_requests SET {plan}")
    overtaken = await approving
    assert overtaken.code == EXIT_FAILED
    assert "its plan is not the one that you saw" in overtaken.err
    assert await admin.fetchval("SELECT verdict FROM schemad.schema_requests") == "review"


async def test_an_unsound_request_fails_with_message_detail_and_hint(database: Database, tmp_path: Path) -> None:
    file = request_file(tmp_path, "thing", {"fields": [{"name": "a", "type": "tixt"}]})
    run = await schemad_beside("submit", file, "--json", dsn=database.dsn("app_one"))
    assert (run.code, run.out) == (EXIT_BAD_INPUT, "")
    message, detail, hint, sqlstate = run.err.splitlines()
    assert message == "schemad: field 1 a: 'tixt' is not a known type"
    assert detail.startswith("detail: Rule type.unknown, request for table 'thing'")
    assert hint.startswith("hint: Known: bigint,")
    assert sqlstate == "sqlstate: 42704"


async def test_a_key_makes_submitting_twice_one_request(database: Database, tmp_path: Path) -> None:
    file = request_file(tmp_path, "thing", LOW_RISK)
    submit = ("submit", file, "--key", "k", "--timeout", "0", "--json")
    first, second = [await schemad_beside(*submit, dsn=database.dsn("app_one")) for _ in range(2)]
    assert first.json["id"] == second.json["id"]
    other = request_file(tmp_path, "other", LOW_RISK)
    reused = await schemad_beside("submit", other, "--key", "k", "--timeout", "0", dsn=database.dsn("app_one"))
    assert reused.code == EXIT_FAILED
    assert "was used for another request" in reused.err


async def test_without_a_daemon_a_request_waits_and_the_user_is_told_where_to_look(
    database: Database, admin: Connection, tmp_path: Path
) -> None:
    file = request_file(tmp_path, "thing", LOW_RISK)
    run = await schemad_beside("submit", file, "--timeout", "0.01", dsn=database.dsn("app_one"))
    assert run.code == EXIT_REVIEW
    assert "queued · not yet assessed" in run.out
    assert "schemad doctor" in run.err
    assert run.err.startswith("hint: ")
    assert await admin.fetchval("SELECT count(*) FROM schemad.schema_requests") == 1


async def test_a_request_that_was_tried_in_vain_is_not_said_to_wait_for_a_daemon(
    database: Database, admin: Connection, app: Connection
) -> None:
    request_id = await _insert(app, "thing")
    await admin.execute(
        "UPDATE schemad.schema_requests SET attempts = 1, last_error = '55P03 thing is locked', "
        "next_attempt_at = clock_timestamp() + interval '1 min'"
    )
    run = await schemad_beside("wait", request_id, "--timeout", "0.01", dsn=database.dsn("app_one"))
    assert (run.code, run.err) == (EXIT_REVIEW, "hint: it is kept, and tried again\n")


async def test_a_wait_may_take_longer_than_a_statement_of_the_login(
    database: Database, admin: Connection, tmp_path: Path
) -> None:
    await admin.execute(f"ALTER ROLE app_one IN DATABASE {database.name} SET statement_timeout = '100ms'")
    file = request_file(tmp_path, "thing", LOW_RISK)
    run = await schemad_beside("submit", file, "--timeout", "0.5", dsn=database.dsn("app_one"))
    assert run.code == EXIT_REVIEW
    assert "queued · not yet assessed" in run.out


async def test_ctrl_c_ends_the_wait_and_keeps_the_request(
    database: Database, admin: Connection, tmp_path: Path
) -> None:
    submitted = asyncio.Event()
    await admin.add_listener("schemad_requests", lambda *_: submitted.set())
    file = request_file(tmp_path, "thing", LOW_RISK)
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        "submit",
        str(file),
        env=environment(database.dsn("app_one")),
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE):
        await submitted.wait()
        process.send_signal(signal.SIGINT)
        _, said = await process.communicate()
    assert b"Traceback" not in said
    assert process.returncode == 128 + signal.SIGINT
    assert await admin.fetchval("SELECT status FROM schemad.schema_requests") == "pending"


async def _insert(connection: Connection, name: str, user: str = "user123") -> int:
    request_id: int = await connection.fetchval(
        "SELECT schemad.submit_request($1, $2, $3)", user, name, json.dumps(LOW_RISK)
    )
    return request_id


async def test_list_filters_by_status_and_requester_and_pages_newest_first(
    database: Database, app: Connection
) -> None:
    for name, user in (("one", "ann"), ("two", "bob"), ("three", "ann"), ("four", "ann")):
        await _insert(app, name, user)
    await app.fetchval("SELECT schemad.cancel_request(4)")

    async def listed(*options: object) -> list[str]:
        run = await schemad_beside("list", *options, "--json", dsn=database.dsn("app_one"))
        assert run.code == 0
        return [request["schema_name"] for request in run.json]

    assert await listed() == ["four", "three", "two", "one"]
    assert await listed("--status", "pending", "--user", "ann", "--limit", 1) == ["three"]
    assert await listed("--offset", 3) == ["one"]
    strangers = await schemad_beside("list", dsn=database.dsn("app_two"))
    assert strangers.out == "no requests\n"

    # Times are those of the reader's clock, not of the server's.
    text = await schemad_beside("list", dsn=database.dsn("app_one"), TZ="XXX-11:30")
    rows = [line.split()[:3] for line in text.out.splitlines() if line.strip()]
    created = await app.fetchval("SELECT created_at FROM schemad.schema_requests WHERE id = 1")
    assert f"{created + timedelta(hours=11, minutes=30):%Y-%m-%d %H:%M:%S}" in text.out
    assert rows[2:] == [["4", "four", "ann"], ["3", "three", "ann"], ["2", "two", "bob"], ["1", "one", "ann"]]


async def test_requests_are_rejected_cancelled_and_retried(database: Database, app: Connection) -> None:
    for name in ("one", "two", "three"):
        await _insert(app, name)
    dba, requester = database.dsn("dba_one"), database.dsn("app_one")

    rejected = await schemad_beside("reject", 1, "--reason", "use orders", dsn=dba)
    assert (rejected.code, rejected.err) == (0, "")
    assert "rejected · rejected by dba_one: use orders" in rejected.out

    cancelled = await schemad_beside("cancel", 2, "--json", dsn=requester)
    assert (cancelled.code, cancelled.json["status"]) == (0, "cancelled")

    retried = await schemad_beside("retry", 3, "--timeout", 0, "--json", dsn=requester)
    assert (retried.code, retried.json["verdict"]) == (EXIT_REVIEW, None)

    no_reason = await schemad_beside("reject", 3, "-r", " ", dsn=dba)
    assert no_reason.code == EXIT_BAD_INPUT
    assert "a decision needs a reason" in no_reason.err


@pytest.mark.parametrize("verb", ["show", "cancel", "retry", "approve", "reject"])
async def test_another_role_s_request_is_as_good_as_none(database: Database, app: Connection, verb: str) -> None:
    request_id = await _insert(app, "thing")
    login = "dba_one" if verb in ("approve", "reject") else "app_two"
    asked = request_id + 1 if login == "dba_one" else request_id
    reason = ["-r", "no"] if login == "dba_one" else []
    run = await schemad_beside(verb, asked, *reason, dsn=database.dsn(login))
    assert (run.code, run.out) == (EXIT_FAILED, "")
    assert f"there is no request {asked}" in run.err


HOSTILE = (
    "evil\n  7 forged \x1b[31mred\x1b]0;title\x07 \u009b2J \u202egnp.exe [bold]loud[/bold] "
    "zero\u200bwidth soft\u00adhyphen tag\U000e0041 isolate\u2066 line\u2028 private\ue000 unassigned\u0378"
)


@pytest.mark.parametrize("on_terminal", [False, True])
async def test_hostile_text_of_a_request_reaches_no_terminal(
    database: Database, admin: Connection, app: Connection, on_terminal: bool
) -> None:
    # As one that came before such text was refused.
    await admin.execute("ALTER TABLE schemad.schema_requests DISABLE TRIGGER validate_request")
    await _insert(app, "thing", HOSTILE)
    variables = {"FORCE_COLOR": "1", "COLUMNS": "400"} if on_terminal else {}
    for arguments in (("list",), ("show", 1), *([] if on_terminal else [("list", "--json")])):
        run = await schemad_beside(*arguments, dsn=database.dsn("app_one"), **variables)
        assert run.code == 0
        for harmful in (
            *("\x1b[31mred", "\x1b]", "\x07", "\u009b", "\u202e"),
            *"\u200b\u00ad\U000e0041\u2066\u2028\ue000\u0378",
        ):
            assert harmful not in run.out
        assert "[bold]loud[/bold]" in run.out
        # What is there is told, so that two texts that differ look different.
        assert "zero\\u200bwidth" in run.out or "zero<U+200B>width" in run.out
        assert not any(line.strip().startswith("7 forged") for line in run.out.splitlines())
        if arguments[-1] == "--json":
            assert run.json[0]["requester_user_id"] == HOSTILE


async def test_the_requester_is_the_login_where_neither_file_nor_option_names_one(
    database: Database, tmp_path: Path
) -> None:
    file = request_file(tmp_path, "thing", LOW_RISK)
    submit = ("submit", file, "--timeout", "0", "--json")
    run = await schemad_beside(*submit, dsn=database.dsn("app_one"), LOGNAME="ann")
    assert run.json["requester_user_id"] == "ann"
