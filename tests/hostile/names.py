"""Names that are no names: of tables, fields, keys, indexes and referenced tables."""

from collections.abc import Iterator

from tests.hostile.case import ONE_FIELD, Case, Expected

# None of these may become the name of anything, in any place of a request.
BAD = (
    "",
    " ",
    "a b",
    " a",
    "a ",
    "a\n",
    "a\r\n",
    "\ta",
    "a\u00a0",
    "a\u2028",
    "a;b",
    'a"b',
    'a"; DROP TABLE canary; --',
    '"a"',
    '""',
    "a'b",
    "a'); DROP TABLE canary; --",
    "a--",
    "a/*",
    "/**/a",
    "a(b text)",
    "a.b",
    "public.canary",
    "public.messages",
    '"public"."canary"',
    "pg_temp.x",
    "pg_catalog.pg_class",
    "information_schema.tables",
    "schemad.policy",
    "schemad.schema_requests",
    "a\\",
    "a\\b",
    "\\",
    "a%s",
    "%I",
    "{a}",
    "$1",
    "$$",
    "a$b",
    ":a",
    "@a",
    "#a",
    "a-b",
    "1a",
    "0",
    "-1",
    "a,b",
    "a b text, c",
    "*",
    "a*",
    "(a)",
    "a[]",
    "a::text",
    "a=1",
    "../a",
    "~",
    'U&"a"',
    'U&"\\0061"',
    "caf\u00e9",  # e with an accent, in one
    "cafe\u0301",  # and with a combining accent
    "\uff41\uff42\uff43",  # full-width abc
    "\uff2d\uff45\uff53\uff53\uff41\uff47\uff45\uff53",  # full-width Messages
    "m\u0435ssages",  # the Cyrillic e
    "\u212a",  # the Kelvin sign, whose lower case is k
    "\u212aeys",
    "\u0130d",  # the dotted capital I
    "\u0131d",  # the dotless i
    "me\u017f\u017fages",  # the long s, whose upper case is S
    "\u00dftrasse",  # the sharp s, whose upper case is SS
    "a\u200b",
    "\u200ba",
    "a\u200d",
    "a\ufeff",
    "\ufeffa",
    "a\u00ad",
    "a\u202eb",
    "\u202ea",
    "a\u2066b\u2069",
    "\u0627",
    "a\u0001",
    "a\u001b[31m",
    "a\u007f",
    "a\u0085",
    "\u0661a",
    "a\u0661",
    "a\u00b2",
    "\U0001f600",
    "\U0001d41a",
    "a" * 64,
    "a" * 255,
    "a" * 300,
    "a" * 10_000,
    "\u00e9" * 32,
    # PostgreSQL's own.
    "pg_a",
    "PG_A",
    "Pg_class",
    "pg_toast",
    "pg_temp_1",
    "ctid",
    "CTID",
    "xmin",
    "xmax",
    "cmin",
    "Cmax",
    "tableoid",
    # Reserved words.
    "select",
    "SELECT",
    "Table",
    "user",
    "null",
    "NULL",
    "default",
    "primary",
    "references",
    "check",
    "constraint",
    "foreign",
    "current_user",
    "session_user",
    "system_user",
    "array",
    "left",
    "like",
    "verbose",
    "concurrently",
    "lateral",
    "tablesample",
)

# Protected tables, however they are spelt.
PROTECTED = (
    "messages",
    "Messages",
    "MESSAGES",
    "mEssAgEs",
    "queries",
    "User_Profiles",
    "DOCUMENTS",
    "schema_registry",
)

# Names that only look dangerous.
HARMLESS = (
    "a" * 63,
    "_",
    "_1",
    "A",
    "drop_table",
    "drop",
    "truncate",
    "delete_",
    "exec",
    "nan",
    "infinity",
    "true_",
    "undefined",
    "sleep",
    "public",
    "postgres",
    "schemad",
    "information_schema",
    "schemad_owner",
    "version",
    "now",
    "text",
    "int4",
    "json",
    "name",
    "regclass",
    "oid",
    "record",
    "void",
    "lower",
    "length",
    "coalesce",
    "value",
    "values",
    "row",
    "key",
    "index",
    "type",
    "function",
    "trigger",
    "lo_import",
    "dblink",
    "template1",
    "excluded",
    "new",
    "old",
    "con",
)


def cases() -> Iterator[Case]:
    for bad in BAD:
        yield Case("names", {"fields": ONE_FIELD}, table=bad or "\u00a0")
        yield Case("names", {"fields": [{"name": bad, "type": "text"}]})
        yield Case("names", {"fields": [*ONE_FIELD, {"name": bad, "type": "text"}], "primary_key": [bad]})
        yield Case("names", {"fields": ONE_FIELD, "primary_key": [bad]})
        yield Case("names", {"fields": ONE_FIELD, "unique": [["a", bad]]})
        yield Case("names", {"fields": ONE_FIELD, "indexes": [{"fields": [bad]}]})
        yield Case("names", {"fields": [ONE_FIELD[0] | {"references": {"table": bad}}]})
        yield Case("names", {"fields": [ONE_FIELD[0] | {"references": {"table": "canary", "field": bad}}]})
    for bad in PROTECTED:
        yield Case("names", {"fields": ONE_FIELD}, table=bad)
        yield Case("names", {"action": "drop"}, table=bad)
        yield Case("names", {"fields": [{"name": "a", "type": "bigint", "references": {"table": bad}}]})
    for name in HARMLESS:
        yield Case("names", {"fields": ONE_FIELD}, table=name, expected=Expected.CREATED)
    yield Case(
        "names",
        {"fields": [{"name": n, "type": "text"} for n in HARMLESS]},
        expected=Expected.CREATED,
    )
    for pair in (("a", "A"), ("abc", "ABC"), ("x" * 63, "X" * 63)):
        yield Case("names", {"fields": [{"name": n, "type": "text"} for n in pair]})
    # What PostgreSQL itself derives: the array type of the table canary, its sequence, its index.
    for taken in ("_canary", "canary", "CANARY", "canary_id_seq", "canary_pkey", "canary_view", "canary_kind"):
        yield Case("names", {"fields": ONE_FIELD}, table=taken)
