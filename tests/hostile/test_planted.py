"""What a requester plants in public, where it may create there, never runs as anybody who works with schemad."""

import itertools

import pytest

from schemad.store import Connection
from tests.cli.program import schemad_beside
from tests.support.daemons import running_daemon
from tests.support.databases import Database, fields
from tests.support.requests import ask

# Each suits some pair of types better than PostgreSQL's own, which take one of the two after a conversion.
OPERATORS = ("=", "<>", "~", "!~", "<", ">=", "||")
PAIRS = (
    ("varchar", "varchar"),
    ("varchar", "text"),
    ("text", "varchar"),
    ("name", "name"),
    ("name", "varchar"),
    ("name", "text"),
    ("text", "text[]"),
    ("varchar", "text[]"),
)
PAYLOAD = '{"fields": [{"name": "A", "type": "Varchar(3)"}]}'
FUNCTIONS = ("lower(varchar)", "lower(name)", "length(varchar)", "concat_ws(text, text)", "concat(text)")


TELL = """
CREATE FUNCTION public.tell(what text) RETURNS boolean LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO public.ran VALUES (what, current_user); RETURN NULL; END $$
"""
FUNCTION = "CREATE FUNCTION public.{0} RETURNS text LANGUAGE sql AS $$ SELECT public.tell('{0}')::text $$"
OPERATOR = """
CREATE FUNCTION public.planted_{number}({left}, {right}) RETURNS {result} LANGUAGE plpgsql AS
$$ BEGIN PERFORM public.tell('{left} {name} {right}'); RETURN NULL; END $$;
CREATE OPERATOR public.{name} (LEFTARG = {left}, RIGHTARG = {right}, FUNCTION = public.planted_{number})
"""


def planted() -> str:
    """The SQL that plants them; whatever of it runs says as whom."""
    parts = [TELL, *map(FUNCTION.format, FUNCTIONS)]
    for number, (name, (left, right)) in enumerate(itertools.product(OPERATORS, PAIRS)):
        result = ("text[]" if "[]" in right else "text") if name == "||" else "boolean"
        parts.append(OPERATOR.format(number=number, name=name, left=left, right=right, result=result))
    return ";".join(parts)


@pytest.fixture
async def planting(admin: Connection, app: Connection) -> None:
    """A database in which a requester may create in public, as before PostgreSQL 15, and did."""
    await admin.execute(
        "CREATE TABLE public.ran (what text, who text); GRANT INSERT ON public.ran TO PUBLIC;"
        "GRANT CREATE ON SCHEMA public TO app_one; CREATE TYPE public.mood AS ENUM ('good')"
    )
    await app.execute(planted())


async def ran(admin: Connection) -> list[str]:
    rows = await admin.fetch("SELECT DISTINCT concat_ws(' as ', what, who) AS told FROM public.ran")
    return [row["told"] for row in rows]


# What `planting` makes does run where names are not pinned: else the tests below would show nothing.
async def test_what_is_planted_runs_where_nothing_is_pinned(planting: None, admin: Connection) -> None:
    await admin.fetch("SELECT 'a'::text || ARRAY['b'], 'a'::name !~ 'b', 'a'::varchar = 'b'")
    assert len(await ran(admin)) == 3


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT schemad.allow_type('mood')",
        "SELECT schemad.allow_type('varchar', auto => false)",
        "SELECT schemad.disallow_type('uuid')",
        "SELECT schemad.set_policy('max_fields', '7')",
        "SELECT schemad.protect_table('Orders', 'why'); SELECT schemad.unprotect_table('orders')",
        "SELECT schemad.set_rule_severity('limit.fields', 'warn')",
        "UPDATE schemad.policy SET tables_per_day = 3",
        "SELECT schemad.fold('Ä'), schemad.caller()",
        f"SELECT * FROM schemad.preview_request('notes', '{PAYLOAD}')",
        "SELECT * FROM schemad.list_requests(status => 'pending', requester_user_id => 'me')",
        "TABLE schemad.pending_requests",
        "SELECT * FROM schemad.describe_schema('notes')",
        "SELECT schemad.approve_request(2, 'read it')",
        "SELECT schemad.reject_request(2, 'no')",
        "SELECT schemad.retry_request(2)",
        "SELECT schemad.cancel_request(2)",
        "SELECT * FROM schemad.wait_for_request(2)",
        f"SELECT schemad.submit_request('me', 'Notes_2', '{PAYLOAD}', 'k')",
        f"CALL schemad.create_table('me', 'Notes_3', '{PAYLOAD}')",
        "SELECT * FROM schemad.prune(10)",
    ],
)
async def test_it_does_not_run_as_a_dba_in_psql(
    planting: None, database: Database, admin: Connection, app: Connection, sql: str
) -> None:
    async with running_daemon(database.dsn("daemon_login")):
        await ask(app, "notes", fields("a"))
        held = await ask(app, "held", fields("a") | {"checks": ["repeat(a, 2) <> ''"]})
        assert held["id"] == 2
        for statement in sql.split("; "):
            await admin.execute(statement)
    assert await ran(admin) == []


async def test_it_does_not_run_as_a_dba_on_the_command_line(
    planting: None, database: Database, admin: Connection, app: Connection
) -> None:
    async with running_daemon(database.dsn("daemon_login")):
        await ask(app, "notes", fields("a"))
        await ask(app, "held", fields("a") | {"checks": ["repeat(a, 2) <> ''"]})
        for verb in (
            "doctor",
            "migrate",
            "migrate --check",
            "list",
            "show 2",
            "policy show",
            "policy set max_fields 50",
            "policy protect orders",
            "policy allow-type mood",
            "policy allow-type uuid --review",
            "policy disallow-type bytea",
            "approve 2 --reason fine",
            "retry 2",
            "reject 2 --reason no",
        ):
            run = await schemad_beside(*verb.split(), dsn=database.dsn())
            assert "Traceback" not in run.err, verb
            assert await ran(admin) == [], verb
    assert await admin.fetchval("SELECT count(*) FROM schemad.safe_types WHERE name = 'mood'") == 1
