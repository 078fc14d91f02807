"""The allow-list of expressions: what real schemas have needs no review, and what could do harm waits for one."""

import json

import pytest

from schemad.ddl import Decision, Verdict, decide
from schemad.policy.expressions import MAX_NESTING, expression_findings
from schemad.request.expressions import Expression, read_expression
from tests.unit.strategies import NOTHING, POLICY

# (type, default) as schemas have them, and as pg_dump writes them.
DEFAULTS = [
    ("timestamptz", "now()"),
    ("timestamptz", "CURRENT_TIMESTAMP(3)"),
    ("timestamptz", "transaction_timestamp()"),
    ("timestamptz", "now() + interval '30 days'"),
    ("timestamptz", "now() + '01:00:00'::interval"),
    ("timestamptz", "(CURRENT_TIMESTAMP + '7 days'::interval)"),
    ("timestamptz", "'infinity'::timestamp with time zone"),
    ("timestamptz", "'1970-01-01 00:00:00+00'::timestamptz"),
    ("timestamptz", "to_timestamp(0)"),
    ("timestamptz", "date_trunc('month', now())"),
    ("timestamp", "now() AT TIME ZONE 'utc'"),
    ("timestamp", "timezone('utc'::text, now())"),
    ("timestamp", "(now() AT TIME ZONE 'UTC'::text)"),
    ("timestamp", "'0001-01-01 00:00:00'::timestamp without time zone"),
    ("timestamp", "LOCALTIMESTAMP(0)"),
    ("timestamp", "date_trunc('day', now() AT TIME ZONE 'Europe/Berlin')"),
    ("timestamp", "make_timestamp(2020, 1, 1, 0, 0, 0)"),
    ("date", "CURRENT_DATE + 7"),
    ("date", "(CURRENT_DATE - '1 mon'::interval)::date"),
    ("date", "now()::date"),
    ("date", "date(now())"),
    ("date", "('1970-01-01'::date)"),
    ("date", "make_date(2020, 1, 1)"),
    ("date", "date_trunc('year', CURRENT_DATE)::date"),
    ("time", "'09:00:00'::time without time zone"),
    ("time", "make_time(9, 0, 0)"),
    ("interval", "'00:30:00'::interval"),
    ("interval", "interval '1 day' * 30"),
    ("integer", "'-1'::integer"),
    ("integer", "-1"),
    ("integer", "60 * 60 * 24"),
    ("integer", "date_part('year', now())::integer"),
    ("integer", "floor(random() * 1000000)::int"),
    ("integer", "1 << 4"),
    ("smallint", "(0)::smallint"),
    ("bigint", "(EXTRACT(epoch FROM now()) * 1000)::bigint"),
    ("bigint", "(date_part('epoch'::text, clock_timestamp()) * (1000)::double precision)::bigint"),
    ("numeric(12,2)", "0.00"),
    ("numeric(12,2)", "'0'::numeric"),
    ("numeric(4,3)", "round(1.0 / 3, 3)"),
    ("double precision", "'1.5'::double precision"),
    ("double precision", "random()"),
    ("real", "'0'::real"),
    ("boolean", "NOT true"),
    ("boolean", "(1 = 1)"),
    ("text", "'draft'::text"),
    ("text", "NULL::text"),
    ("text", "NULL"),
    ("varchar(20)", "NULL::character varying"),
    ("varchar(20)", "NULL::text::character varying(20)"),
    ("text", "'O''Brien'"),
    ("text", "'execution pending'"),
    ("text", "'a' || 'b'"),
    ("text", "gen_random_uuid()::text"),
    ("text", "md5(random()::text)"),
    ("text", "md5(((random())::text || (clock_timestamp())::text))"),
    ("text", "upper(substr(md5(random()::text), 1, 8))"),
    ("text", "encode(sha256(gen_random_uuid()::text::bytea), 'hex')"),
    ("text", "substr(md5(random()::text), 1, 6)"),
    ("text", '"left"((gen_random_uuid())::text, 8)'),
    ("varchar(20)", "'pending'::character varying"),
    ("varchar(20)", "('pending'::character varying)::text"),
    ("char(3)", "'USD'::bpchar"),
    ("char(1)", "'N'::char"),
    ("uuid", "gen_random_uuid()"),
    ("uuid", "'00000000-0000-0000-0000-000000000000'::uuid"),
    ("uuid", "md5(random()::text)::uuid"),
    ("jsonb", "'{}'::jsonb"),
    ("jsonb", "'{\"a\": [1, 2]}'::jsonb"),
    ("jsonb", "jsonb_build_object()"),
    ("jsonb", "jsonb_build_object('theme', 'dark', 'count', 0)"),
    ("jsonb", "jsonb_build_array()"),
    ("json", "'[]'::json"),
    ("text[]", "'{}'::text[]"),
    ("text[]", "ARRAY[]::text[]"),
    ("text[]", "ARRAY['a'::text, 'b'::text]"),
    ("varchar(9)[]", "(ARRAY['a'::character varying, 'b'::character varying])::character varying(9)[]"),
    ("integer[]", "ARRAY[1, 2, 3]"),
    ("bytea", "'\\x'::bytea"),
    ("inet", "'0.0.0.0'::inet"),
]

# Fields for the checks.
FIELDS = {
    "active": "boolean", "amount": "numeric(12,2)", "body": "text", "code": "text", "data": "jsonb",
    "email": "text", "ends_at": "timestamptz", "ends_on": "date", "flags": "integer", "ip": "inet",
    "kind": "varchar(20)", "name": "text", "org_id": "bigint", "quantity": "integer", "rating": "smallint",
    "starts_at": "timestamptz", "starts_on": "date", "status": "varchar(20)", "tags": "text[]",
    "user_id": "bigint", "zip": "text",
}  # fmt: skip
CHECKS = [
    "amount > 0",
    "amount >= 0::numeric",
    "(amount >= (0)::numeric)",
    "quantity > 0 AND quantity < 1000",
    "rating BETWEEN 1 AND 5",
    "((rating >= 1) AND (rating <= 5))",
    "status IN ('draft', 'execution pending', 'deleted')",
    "((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
    "status::text = ANY (ARRAY['a'::character varying::text, 'b'::character varying::text])",
    "status NOT IN ('x', 'y')",
    "status <> ALL (ARRAY['x', 'y'])",
    "email ~ '^[^@]+@[^@]+$'",
    "email ~* '^[A-Z0-9._%+-]+@[A-Z0-9.-]+\\.[A-Z]{2,}$'",
    "email LIKE '%@%'",
    "position('@' in email) > 1",
    "(email)::text ~~ '%_@__%.__%'::text",
    "zip SIMILAR TO '[0-9]{5}(-[0-9]{4})?'",
    "zip ~ '^[0-9]+$'::text",
    "code ILIKE 'a!%%' ESCAPE '!'",
    "code ^@ 'x'",
    "starts_with(code, 'https://')",
    "substring(code from '[0-9]+') IS NOT NULL",
    "translate(code, '0123456789', '') = ''",
    "coalesce(code, '') ~ '^[0-9]*$'",
    "lower(code || ':' || kind) ~ '^[a-z:]*$'",
    "(data ->> 'email') ~ '@'",
    "code ~ ANY (ARRAY['^a', '^b'])",
    "'https://example.com/' LIKE code || '%'",
    "name = lower(name)",
    "name = btrim(name)",
    "upper(btrim(name)) = name",
    "name <> ''",
    "(length(trim(both from name)) > 0)",
    "char_length(name) <= 100",
    "char_length((kind)::text) >= 2",
    "octet_length(body) < 100000",
    "initcap(name) = name",
    "split_part(email, '@', 2) <> ''",
    "starts_at < ends_at",
    "ends_at IS NULL OR ends_at > starts_at",
    "ends_at >= starts_at + interval '15 minutes'",
    "ends_on - starts_on <= 30",
    "ends_on <= (starts_on + '1 year'::interval)",
    "age(ends_at, starts_at) < interval '2 years'",
    "starts_on = date_trunc('month', starts_on)",
    "extract(year from starts_on) >= 2000",
    "date_part('dow'::text, starts_on) = (1)::double precision",
    "isfinite(starts_at)",
    "(starts_on, ends_on) OVERLAPS (ends_on, starts_on)",
    "starts_on >= '2000-01-01'::date",
    "num_nonnulls(user_id, org_id) = 1",
    "(user_id IS NULL) <> (org_id IS NULL)",
    "((user_id IS NOT NULL)::integer + (org_id IS NOT NULL)::integer) = 1",
    "user_id <> org_id",
    "user_id IS DISTINCT FROM org_id",
    "coalesce(user_id, org_id) IS NOT NULL",
    "nullif(btrim(name), '') IS NOT NULL",
    "NOT (active AND ends_at IS NULL)",
    "active IS NOT UNKNOWN",
    "CASE WHEN kind = 'x' THEN user_id IS NOT NULL ELSE true END",
    "CASE kind WHEN 'x' THEN amount > 0 WHEN 'y' THEN amount < 0 ELSE true END",
    "greatest(quantity, rating) > 0",
    "least(quantity, 10) >= 0",
    "quantity % 2 = 0",
    "mod(quantity, 10) = 0",
    "abs(amount) < 1000",
    "round(amount, 2) = amount",
    "scale(amount) <= 2",
    "flags & 4 = 0",
    "(flags | 3) = 3",
    "jsonb_typeof(data) = 'object'",
    "jsonb_typeof(data -> 'items') = 'array'",
    "(jsonb_typeof(data) = 'object'::text)",
    "data ? 'key'",
    "data ?& ARRAY['a', 'b']",
    "data @> '{\"a\": 1}'",
    "(data ->> 'n')::integer > 0",
    "jsonb_array_length(data -> 'items') <= 10",
    "array_length(tags, 1) <= 10",
    "cardinality(tags) > 0",
    "tags <@ ARRAY['a', 'b']::text[]",
    "'a' = ANY (tags)",
    "array_position(tags, NULL) IS NULL",
    "family(ip) = 4",
    "masklen(ip) = 32",
    "ip << '10.0.0.0/8'::inet",
    "pg_catalog.length(name) > 0",
]

FUNCTION = "expression.function_not_allowed"
OPERATOR = "expression.operator_not_allowed"
TYPE = "expression.type_not_allowed"
CONSTRUCT = "expression.construct_not_allowed"
COLUMN = "expression.column_unknown"
FOREIGN = "expression.foreign_name"
SLOW = "expression.slow"
FROZEN = "expression.frozen"
QUERY = "expression.query"
UNREADABLE = "expression.unreadable"

# Each as a check of a table with the field a, and the rules by which it waits or is refused.
HELD = {
    # what was seen to pass keyword filters, and ran
    "0, is_admin boolean DEFAULT true": [UNREADABLE],
    "0 REFERENCES messages": [UNREADABLE],
    "0 CHECK (pg_sleep(0.3) IS NOT NULL)": [UNREADABLE],
    "length(pg_sleep(0.3)::text)": [FUNCTION],
    "length(pg_read_file($$/etc/passwd$$))": [FUNCTION],
    "setval($$messages_id_seq$$,1,false)": [FUNCTION],
    "length(query_to_xml($$table messages$$,true,true,$$$$)::text)": [FUNCTION],
    'length(U&"pg\\005fsleep"(0.3)::text)': [FUNCTION],
    "pg_terminate_backend(1)": [FUNCTION],
    "length(repeat($$x$$,200000000))": [FUNCTION],
    # waits, ends sessions, locks
    "pg_catalog.pg_sleep(1) IS NULL": [FUNCTION],
    "pg_sleep_for('1 hour') IS NULL": [FUNCTION],
    "pg_cancel_backend(1)": [FUNCTION],
    "pg_advisory_lock(1) IS NULL": [FUNCTION],
    # writes
    "nextval('a_id_seq') > 0": [FUNCTION],
    "nextval('a_id_seq'::regclass) > 0": [FUNCTION, TYPE],
    "lo_import('/etc/passwd') > 0": [FUNCTION],
    "pg_notify('a', 'b') IS NULL": [FUNCTION],
    "set_config('role', 'postgres', false) = ''": [FUNCTION],
    "txid_current() > 0": [FUNCTION],
    "dblink('dbname=postgres', 'DROP TABLE a') IS NULL": [FUNCTION],
    # reads settings, sessions, files, the catalog, other rows
    "current_setting('data_directory') = ''": [FUNCTION],
    "current_database() = 'a'": [FUNCTION],
    "current_schemas(true) IS NULL": [FUNCTION],
    "inet_client_addr() IS NULL": [FUNCTION],
    "pg_backend_pid() > 0": [FUNCTION],
    "version() = ''": [FUNCTION],
    "pg_ls_dir('.') IS NULL": [FUNCTION],
    "pg_stat_file('PG_VERSION') IS NULL": [FUNCTION],
    "currval('a_id_seq') > 0": [FUNCTION],
    "has_table_privilege('messages', 'SELECT')": [FUNCTION],
    "table_to_xml('messages', true, true, '') IS NULL": [FUNCTION],
    "ts_stat('SELECT 1') IS NULL": [FUNCTION],
    "pg_get_viewdef(1) = ''": [FUNCTION],
    "CURRENT_USER = 'app'": [CONSTRUCT],
    "SESSION_USER = 'app'": [CONSTRUCT],
    "CURRENT_CATALOG = 'app'": [CONSTRUCT],
    "CURRENT_SCHEMA = 'app'": [CONSTRUCT],
    # needs memory or time out of proportion
    "lpad('x', 1000000000) = ''": [FUNCTION],
    "rpad('x', 1000000000, 'y') = ''": [FUNCTION],
    "replace('xx', 'x', 'yyyyyyyy') = ''": [FUNCTION],
    "regexp_replace(a, '.', 'yyyyyyyy', 'g') = ''": [FUNCTION],
    "array_to_string(string_to_array('xx', NULL), 'yyyy') = ''": [FUNCTION],
    "array_fill(0, ARRAY[100000000]) IS NULL": [FUNCTION],
    "format('%100000000s', 'x') = ''": [FUNCTION],
    "power(10::numeric, 100000) > 0": [FUNCTION],
    "exp(1000::numeric) > 0": [FUNCTION],
    "factorial(10000) > 0": [FUNCTION],
    "generate_series(1, 1000000000) > 0": [FUNCTION],
    "10::numeric ^ 100000 > 0": [OPERATOR],
    "length('x'::char(10485760)) > 0": [CONSTRUCT],
    "'{a,a,a,a}'::character(10485760)[] IS NULL": [CONSTRUCT],
    "length(" + "ARRAY[" * 9 + "'\"'" + "]::text" * 9 + ") > 0": [CONSTRUCT],
    "length(" + "substr(" * 5 + "a" + "::bytea::text, 2)" * 5 + ") > 0": [CONSTRUCT],
    # PostgreSQL evaluates constants when the check is added
    **{
        match: [SLOW]
        for match in (
            "'aab' ~ '^(a*)b\\1$'",
            "'aab' !~* '^(a*)b\\1$'",
            "'aab' LIKE '%a%a'",
            "'aab' SIMILAR TO '(a*)(a*)b'",
            "a > '' AND 'aab'::varchar(9)::text ~ '^(a*)b\\1$'",
            "CASE WHEN a > '' THEN 'aab' ~ '^(a*)b\\1$' END",
            "CASE WHEN true THEN 'aab' ELSE a END ~ '^(a*)b\\1$'",
            "coalesce('aab', a) ~ '^(a*)b\\1$'",
            "coalesce(a || NULL, 'aab') ~ '^(a*)b\\1$'",
            "((a || NULL) IS NULL)::text ~ '^(a*)b\\1$'",
            "(a = '' OR true)::text ~ '^(a*)b\\1$'",
            "('a' BETWEEN a AND 'A')::text ~ '^(a*)b\\1$'",
            "('a' || 'ab') ~ ('^(a*)' || 'b')",
            "'aab' ~ ANY (ARRAY['^(a*)b', '^(a*)c'])",
            "'aab' ~ ANY ('{^(a*)b}'::text[])",
            "('aab' ~ '^(a*)b\\1$') IN (true, a = '')",
            "a = ANY (ARRAY['x', ('aab' ~ '^(a*)b')::text])",
            "length(a) = (lower('AAB') ~ lower('^(A*)B'))::int",
            "regexp_like('aab', '^(a*)b')",
            "a = substring('aab' from '^(a*)b')",
            "a = btrim('aab', 'ab')",
            "a = translate('aab', 'ab', '')",
            "length(a) > position('ab' in 'aab')",
        )
    },
    # depends on the session, or is found by what is in the database
    "to_char(now(), 'Day') = ''": [FUNCTION],
    "to_date('1', 'J') IS NULL": [FUNCTION],
    "to_tsvector(a) IS NULL": [FUNCTION],
    "public.f(a)": [FUNCTION],
    "public.lower(a) = a": [FUNCTION],
    "evil(a)": [FUNCTION],
    "a OPERATOR(public.=) 'x'": [OPERATOR],
    "a OPERATOR(public.~~) 'x'": [OPERATOR],
    "a @@@ 'x'": [OPERATOR],
    "a::public.mood = 'x'": [TYPE],
    "a::regclass IS NULL": [TYPE],
    "'messages'::regclass::oid > 0": [TYPE],
    "a::regrole IS NULL": [TYPE],
    "a::oid > 0": [TYPE],
    "a::xml IS NULL": [TYPE],
    "a::money > 0::money": [TYPE],
    "a::mood = 'x'": [TYPE],
    'a COLLATE "public"."x" = a': [CONSTRUCT],
    # names that look like others
    "\u0440g_catalog.lower(a) = a": [FUNCTION, FOREIGN],
    "a::\u0440ublic.mood IS NULL": [TYPE, FOREIGN],
    'a COLLATE "\u0421" = a': [CONSTRUCT, FOREIGN],
    "num_nonnulls(\u0430 => a) > 0": [CONSTRUCT, FOREIGN],
    # parts of the grammar that are for something else
    "('ABC'::text).lower = 'abc'": [CONSTRUCT],
    "(a).pg_sleep IS NULL": [CONSTRUCT],
    "ROW(a, a) IS NOT NULL": [CONSTRUCT],
    "count(*) > 0": [FUNCTION, CONSTRUCT],
    "sum(length(a)) OVER () > 0": [FUNCTION, CONSTRUCT],
    "sum(DISTINCT length(a)) > 0": [FUNCTION, CONSTRUCT],
    "string_agg(a, ',' ORDER BY a) = ''": [FUNCTION, CONSTRUCT],
    "count(a) FILTER (WHERE true) > 0": [FUNCTION, CONSTRUCT],
    "num_nonnulls(VARIADIC ARRAY[a]) > 0": [CONSTRUCT],
    "make_interval(days => 3) IS NULL": [FUNCTION, CONSTRUCT],
    "xmlelement(name a) IS NULL": [CONSTRUCT],
    "GROUPING(a) > 0": [CONSTRUCT],
    # the number of arguments is part of what is allowed
    "length(a, 'UTF8') > 0": [FUNCTION],
    "to_timestamp('1', 'J') IS NULL": [FUNCTION],
    # what PostgreSQL would read when the table is made
    "a::timestamptz < 'now'": [FROZEN],
    "a::date < 'today'::date": [FROZEN],
    "a::date < date 'tomorrow'": [FROZEN],
    "a::timestamp < ' NOW '": [FROZEN],
    "a::timestamptz < U&'\\006eow'": [FROZEN],
    "a::timestamptz < 'yesterday 04:00'": [FROZEN],
    # nobody can approve these
    "b > 0": [COLUMN],
    "t.a > ''": [COLUMN],
    "xmin IS NULL": [COLUMN],
    "a.lower = a": [COLUMN],
    "(SELECT true)": [QUERY],
    "EXISTS (SELECT FROM messages)": [QUERY],
    "a IN (SELECT body FROM messages)": [QUERY],
    "true); DROP TABLE messages; SELECT (true": [UNREADABLE],
    "true) NO INHERIT, CHECK (true": [UNREADABLE],
}


def ask(fields: dict[str, str], check: str) -> Decision:
    payload = {"fields": [{"name": n, "type": t} for n, t in fields.items()], "checks": [check]}
    return decide("t", json.dumps(payload), POLICY, NOTHING)


def default_of(type_text: str, expression: str) -> Decision:
    field = {"name": "f", "type": type_text, "default": {"expression": expression}}
    return decide("t", json.dumps({"fields": [field]}), POLICY, NOTHING)


def rules(decision: Decision) -> set[str]:
    return {f.rule.id for f in decision.findings}


@pytest.mark.parametrize(("type_text", "expression"), DEFAULTS)
def test_a_default_that_real_schemas_have_needs_no_review(type_text: str, expression: str) -> None:
    decision = default_of(type_text, expression)
    assert (rules(decision) - {"type.padded"}, decision.verdict) == (set(), Verdict.AUTO)
    assert decision.apply


@pytest.mark.parametrize("expression", CHECKS)
def test_a_check_that_real_schemas_have_needs_no_review(expression: str) -> None:
    decision = ask(FIELDS, expression)
    assert (decision.findings, decision.verdict, decision.apply) == ((), Verdict.AUTO, True)


@pytest.mark.parametrize("expression", HELD)
def test_a_check_that_could_do_harm_waits_by_the_rule_that_says_why(expression: str) -> None:
    decision = ask({"a": "text"}, expression)
    assert rules(decision) == set(HELD[expression])
    assert (decision.verdict, decision.apply) == (Verdict.REVIEW, False)


@pytest.mark.parametrize("expression", HELD)
def test_what_could_do_harm_in_a_check_does_not_pass_as_a_default(expression: str) -> None:
    decision = default_of("text", expression)
    # A default that names a field is refused for that, too.
    assert rules(decision) - {COLUMN} >= set(HELD[expression]) - {COLUMN}
    assert not decision.apply


@pytest.mark.parametrize("rule", [COLUMN, QUERY, UNREADABLE])
def test_what_is_no_expression_over_the_row_has_no_plan_that_an_approval_could_run(rule: str) -> None:
    for expression in (e for e, rules_of in HELD.items() if rules_of == [rule]):
        decision = ask({"a": "text"}, expression)
        approved = decide(
            "t",
            json.dumps({"fields": [{"name": "a", "type": "text"}], "checks": [expression]}),
            POLICY,
            NOTHING,
            approved_sql=decision.plan_sql or "",
        )
        assert not approved.apply, expression


@pytest.mark.parametrize(
    "moment",
    "now today tomorrow yesterday NOW today\t04:00 12:00today today12:00 today_ {12:00tomorrow} 2:00-NOW".split(
        " "
    ),
)
@pytest.mark.parametrize("type_text", ["timestamptz", "date", "timestamptz[]", "timetz"])
def test_a_moment_within_an_expression_waits(type_text: str, moment: str) -> None:
    assert rules(default_of(type_text, f"'{moment}'")) == {FROZEN}
    assert rules(default_of("text", f"'{moment}'::{type_text}::text")) == {FROZEN}
    assert rules(ask({"a": type_text}, f"a <> '{moment}'")) == {FROZEN}
    assert rules(ask({"a": "text"}, f"a <> '{moment}'::{type_text}::text")) == {FROZEN}


@pytest.mark.parametrize("text", ["nowhere", "know", "todays_menu", "now_", "now", "today"])
def test_words_that_are_no_moment_where_they_stand_pass(text: str) -> None:
    assert default_of("text", f"'{text}'").apply
    assert default_of("text[]", f"ARRAY['{text}']::varchar(9)[]").apply
    assert ask({"a": "text", "at": "date"}, f"a IN ('{text}', 'later')").apply


def test_casts_and_calls_are_counted_within_one_another_not_beside_one_another() -> None:
    deepest = "upper(" * MAX_NESTING + "'a'" + ")" * MAX_NESTING
    assert default_of("text", deepest).apply
    assert rules(default_of("text", f"upper({deepest})")) == {CONSTRUCT}
    assert default_of("text", " || ".join(["upper('a'::text)"] * 30)).apply


@pytest.mark.parametrize(
    ("type_text", "passes"), [("char", True), ("char(255)", True), ("char(256)", False), ("varchar(9999)", True)]
)
def test_a_cast_that_pads_is_limited(type_text: str, passes: bool) -> None:
    assert default_of("text", f"'x'::{type_text}").apply == passes


@pytest.mark.parametrize(
    "default",
    [
        "translate(1e95000::text, (1e95000 - 1)::text, '')",
        "btrim(md5('a'), 'ab')",
        "(1E+95000)::text",
        "'1e95000'::text",
        "1.e131071::text",
        "'1.e131071'::numeric::text",
        "1e1_31071::text",
        "1_0e1_31071::text",
        ".1e131070::text",
        "'+1e131071'::numeric::text",
        "numeric '1e131071' || ''",
        "numeric ' -1.5E+131000 ' || ''",
        "'{1,1e131071}'::numeric[]::text",
        "'[1.0e131071]'::jsonb ->> 0",
        "'1e-16383'::numeric::text",
        "(1e500 * 1e501)::text",
        "('1e13' || '1071')::numeric::text",
        "('[1e13' || '1071]')::jsonb ->> 0",
        "translate('xe131071', 'x', '1')::numeric::text",
        "CASE WHEN true THEN '1e' || 131071 ELSE '2' END::numeric::text",
        "coalesce(right('x1e131071', 8), '2')::numeric::text",
        "('1e' || 131071)::text::decimal(9)::text",
        "ARRAY['1e' || 131071]::numeric[]::text",
        "greatest('1e' || 131071, '2')::numeric::text",
        "CASE WHEN true THEN '2' ELSE '1e' || 131071 END::numeric::text",
        "length('x')::text::numeric::text",
        "('[' || 1)::json ->> 0",
    ],
)
def test_a_default_that_could_keep_the_daemon_for_minutes_waits_for_review(default: str) -> None:
    payload = {"fields": [{"name": "a", "type": "text", "default": {"expression": default}}]}
    decision = decide("t", json.dumps(payload), POLICY, NOTHING)
    assert decision.verdict == "review"
    assert rules(decision) <= {SLOW, CONSTRUCT}


@pytest.mark.parametrize(
    ("type_text", "default"),
    [
        ("numeric", "1e6 * 1.5e-3"),
        ("double precision", "1.7976931348623157e308"),
        ("uuid", "'550e8400-e29b-41d4-a716-44e655440000'::uuid"),
        ("text", "'b3e99999'"),
        ("text", "'v1e99999'"),
        ("text", "'1e99999a'"),
        ("numeric(4,3)", "round(random()::numeric, 3)"),
        ("numeric", "extract(epoch from now())::numeric"),
        ("numeric", "'1.5'::text::numeric"),
        ("jsonb", "json_build_object('a', 1)::jsonb"),
        ("numeric", "CASE WHEN true THEN '1' END::numeric"),
        ("numeric", "length('x')::integer::numeric"),
        ("double precision", "('1e' || 5)::double precision"),
    ],
)
def test_numbers_as_schemas_have_them_need_no_review(type_text: str, default: str) -> None:
    assert default_of(type_text, default).findings == ()


def test_a_constant_of_any_language_needs_no_review() -> None:
    assert ask({"a": "text"}, "a IN ('Größe', 'цена', '価格')").findings == ()


@pytest.mark.parametrize("gap", ["\n" * 500, " " * 500])
def test_a_gap_in_a_constant_waits_for_review(gap: str) -> None:
    assert rules(ask({"a": "text"}, f"a <> 'x{gap}y'")) == {"payload.gap"}
    assert rules(default_of("text", f"'x{gap}y'")) == {"payload.gap"}


@pytest.mark.parametrize("moment", ["CURRENT_DATE", "LOCALTIMESTAMP", "now()", "make_date(2026, 1, 31)"])
def test_a_moment_beside_a_date_or_time_waits_whatever_the_field_s_type_is(moment: str) -> None:
    assert rules(default_of("boolean", f"{moment} > 'today'")) == {FROZEN}
    assert rules(ask({"a": "text"}, f"a = 'x' OR {moment} > 'today'")) == {FROZEN}


def test_numbers_of_a_thousand_digits_need_no_review() -> None:
    assert default_of("numeric", "1e1000").apply
    assert rules(default_of("numeric", "1e1001")) == {CONSTRUCT}


def test_a_long_expression_is_shown_by_its_beginning() -> None:
    (finding,) = ask({"a": "text"}, f"evil(a) > '{'x' * 400}'").findings
    assert finding.message == f"the check (evil(a) > '{'x' * 289}…) calls evil with 1 argument"


def test_a_number_of_a_field_s_text_is_the_matter_of_whoever_inserts_it() -> None:
    assert ask({"a": "text"}, "(a || '1')::numeric > 0").apply
    assert rules(ask({"a": "text"}, "('2' || '1')::numeric > 0")) == {CONSTRUCT}


def test_of_a_long_name_in_other_letters_only_the_first_ones_are_told() -> None:
    name = "".join(chr(0x430 + n) for n in range(31))
    message = default_of("text", f"{name}()").findings[0].message
    points = message.partition(f'has the name "{name}" with ')[2]
    assert points.startswith("\u0430 (U+0430), \u0431 (U+0431), ")
    assert (len(points), points[-1]) == (301, "…")


def test_of_an_expression_whose_field_is_not_told_a_moment_is_taken_for_one() -> None:
    expression = read_expression("'today'", field=None)
    assert isinstance(expression, Expression)
    (finding,) = expression_findings(expression, columns=frozenset(), field=None, what="it")
    assert finding.rule.id == FROZEN
