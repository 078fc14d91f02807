"""Nothing hostile gets through: whatever a request says, only the table that it asks for can change."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest

from schemad.policy.rules import all_rules
from tests.hostile.attack import Attack, Way, attack
from tests.hostile.canary import SETUP, changed, picture
from tests.hostile.case import Case, Expected
from tests.hostile.corpus import corpus
from tests.support.daemons import running_daemon
from tests.support.databases import Database, Template
from tests.support.requests import ask
from tests.support.servers import server_names

pytestmark = pytest.mark.every_server

# What PostgreSQL says of text that is no jsonb, or no text at all, before schemad ever sees it.
NO_JSON = {"22P02", "22P05", "22021", "54000", "54001", "54023"}
# On all but the newest server, one case of so many.
SAMPLE = 20

KNOWN_RULES = {*all_rules(), "apply.failed"}
RULE_ID = re.compile(r"[a-z]+\.[a-z_]+")


@pytest.fixture
def cases(request: pytest.FixtureRequest) -> Sequence[Case]:
    """The corpus; a sample of it on all servers but the newest."""
    newest = request.node.callspec.params["server"] == server_names()[-1]
    return corpus() if newest else corpus()[::SAMPLE]


@pytest.mark.slow
@pytest.mark.parametrize("way", list(Way))
def test_no_case_of_the_corpus_changes_anything_but_its_own_table(
    template: Template, cases: Sequence[Case], way: Way
) -> None:
    hold(template, cases, way)


@pytest.mark.slow
def test_no_case_gets_through_where_the_database_s_settings_change_what_text_means(
    template: Template, cases: Sequence[Case]
) -> None:
    hold(template, cases[::3], Way.SUBMITTED, hostile_settings=True)


@pytest.mark.parametrize(
    "role",
    [
        'evil"; DROP TABLE canary; --',
        "evil'; DROP TABLE canary; --",
        "evil\\",
        'a"b',
        "PUBLIC ",
        "Ünïcode ☃",
        "e" * 63,
    ],
)
def test_whatever_the_requester_s_role_is_called_only_it_gets_the_table(template: Template, role: str) -> None:
    name = '"' + role.replace('"', '""') + '"'
    asyncio.run(template.run(f"CREATE ROLE {name} LOGIN IN ROLE schemad_requester"))
    try:
        with template.copy() as database:
            assert asyncio.run(grantees_of_a_table_for(database, role)) == {role}
    finally:
        asyncio.run(template.run(f"DROP ROLE {name}"))


def hold(template: Template, cases: Sequence[Case], way: Way, *, hostile_settings: bool = False) -> None:
    """Attacks with all of the cases at once; where anything is different afterwards, finds out by which one."""
    once = partial(attack, way=way, hostile_settings=hostile_settings)
    with template.copy() as database:
        result = asyncio.run(once(database, cases))
        print(f"\n{way}: {counts(result, cases)}")
        differences = differences_of(result)
        if differences:
            name = culprit(template, cases, once)
            pytest.fail(f"{len(differences)} differences, by {name}:\n" + "\n".join(differences[:30]))
        assert_as_expected(result, cases, way)
        asyncio.run(assert_kept_as_written(database, result))


def differences_of(result: Attack) -> list[str]:
    """What is different without anybody having asked for it: before any approval, and after all of them."""
    by_themselves = changed(result.before, result.after, {*result.names_created})
    by_approval = changed(result.before, result.approved, {*result.names_approved})
    return by_themselves + by_approval + [f"heard: {heard}" for heard in result.heard]


def culprit(
    template: Template,
    cases: Sequence[Case],
    once: Callable[[Database, Sequence[Case]], Coroutine[Any, Any, Attack]],
) -> str:
    """One case by which there are differences, found by halves; several of them where they only do it together."""
    if len(cases) == 1:
        return str(cases[0])
    for half in (cases[: len(cases) // 2], cases[len(cases) // 2 :]):
        with template.copy() as database:
            result = asyncio.run(once(database, half))
        if differences_of(result):
            return culprit(template, half, once)
    return f"{len(cases)} together"


def assert_as_expected(result: Attack, cases: Sequence[Case], way: Way) -> None:
    """Each case was answered, by a rule that is known; and by itself only that was created which is harmless."""
    wrong = []
    for case in cases:
        error = result.refused.get(case)
        if error is not None:
            rule = (getattr(error, "detail", None) or "").removeprefix("Rule ").partition(",")[0]
            # Past the trigger, a name may be longer than its column, and that is all that looks at it.
            named = RULE_ID.fullmatch(rule) or error.sqlstate in NO_JSON or way is Way.PAST_THE_TRIGGER
            if case.expected is Expected.CREATED or not named:
                wrong.append(f"{case}\n    {error.sqlstate} {error} {rule}")
            continue
        request = result.requests[case]
        rules = {finding["rule"] for finding in request["findings"]}
        created = (request["status"], request["verdict"]) == ("approved", "auto")
        if way is Way.PAST_THE_TRIGGER and case.checked_at_submit:
            continue
        held = request["status"] == "pending" and rules and rules <= KNOWN_RULES
        if not (created if case.expected is Expected.CREATED else held):
            wrong.append(f"{case}\n    {request['status']} {request['verdict']} {request['findings']}"[:1_000])
    assert not wrong, f"{len(wrong)} not as expected:\n" + "\n".join(wrong[:60])


async def assert_kept_as_written(database: Database, result: Attack) -> None:
    """What was created has the very text that was asked for, as its default's value and as its comment."""
    async with database.connection() as connection:
        await connection.execute(
            "SET search_path = pg_catalog; SET datestyle = 'ISO'; SET bytea_output = 'hex'; "
            "SET quote_all_identifiers = off; SET extra_float_digits = 1"
        )
        for case in result.requests:
            if case.value is not None:
                expression = await connection.fetchval(
                    "SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef AS d "
                    "JOIN pg_attribute AS a ON (a.attrelid, a.attnum) = (d.adrelid, d.adnum) "
                    "WHERE d.adrelid = to_regclass($1) AND a.attname = 'a'",
                    f'public."{case.table}"',
                )
                assert expression is not None, case
                assert await connection.fetchval(f"SELECT ({expression})::text") == case.value, (case, expression)
            if case.comment is not None:
                comment = await connection.fetchval(
                    "SELECT obj_description(to_regclass($1), 'pg_class')", f'public."{case.table}"'
                )
                assert comment == case.comment, case


async def grantees_of_a_table_for(database: Database, role: str) -> set[str]:
    """Who but its owner has privileges on a table that a role asked for."""
    async with (
        database.connection() as admin,
        database.connection(quote(role, safe="")) as app,
        running_daemon(database.dsn("daemon_login")),
    ):
        await admin.execute(SETUP)
        before = await picture(admin)
        request = await ask(app, "a_table", {"fields": [{"name": "a", "type": "text"}]})
        assert request["status"] == "approved", request["findings"]
        assert changed(before, await picture(admin), {"a_table"}) == []
        await app.execute("INSERT INTO public.a_table (a) VALUES ('x')")
        rows = await admin.fetch(
            "SELECT coalesce(g.rolname, 'PUBLIC')::text AS grantee FROM pg_class AS c "
            "CROSS JOIN LATERAL aclexplode(c.relacl) AS a LEFT JOIN pg_roles AS g ON g.oid = a.grantee "
            "WHERE c.oid = 'public.a_table'::regclass AND a.grantee <> c.relowner"
        )
    return {row["grantee"] for row in rows}


def counts(result: Attack, cases: Sequence[Case]) -> str:
    """What became of the cases, in numbers."""
    became = Counter(
        request["status"] if request["status"] != "pending" else request["verdict"]
        for request in result.requests.values()
    )
    kinds = Counter(case.kind for case in cases)
    return (
        f"{len(cases)} cases ({', '.join(f'{n} {kind}' for kind, n in kinds.items())}): "
        f"{len(result.refused)} refused at submit, {became['review']} held, {became['failed']} failed, "
        f"{became['approved']} harmless ones created; {len(result.names_approved)} tables once all is approved"
    )
