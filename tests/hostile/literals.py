"""Defaults that are constants: whatever they say, they are kept as the value that was given."""

import json
from collections.abc import Iterator
from typing import Any

from tests.hostile.case import Case, Expected, field

TEXTS = (
    "'",
    "''",
    "'''",
    "\\",
    "\\\\",
    "\\'",
    "\\' OR 1=1; --",
    "'; DROP TABLE canary; --",
    "'); DROP TABLE canary; --",
    "' || pg_sleep(1) || '",
    "'::text || pg_read_file('/etc/passwd') || '",
    "$$",
    "$x$; DROP TABLE canary; $x$",
    "$1",
    "%s",
    "%I %L %%",
    "{0}",
    "E'a'",
    "U&'\\0061'",
    "x'41'",
    "\\x41",
    "\\047",
    "\\u0027",
    "a\nb",
    "a\tb",
    "\n; DROP TABLE canary;\n",
    "--",
    "/*",
    "*/",
    "/* ; */ DROP TABLE canary",
    ";",
    '"',
    '"; DROP TABLE canary; --',
    "`id`",
    "$(id)",
    "now()",
    "CURRENT_USER",
    "current_user",
    "session_user",
    "now",
    "NULL",
    "null",
    "DEFAULT",
    "nextval('canary_id_seq')",
    "nextval('canary_id_seq'::regclass)",
    "setval('canary_id_seq', 1)",
    "pg_sleep(10)",
    "(SELECT 1)",
    "SELECT * FROM canary",
    "DROP TABLE canary",
    "0, is_admin boolean DEFAULT true",
    "0 REFERENCES messages",
    "0) ; CREATE ROLE evil SUPERUSER; --",
    "O'Brien",
    "last_updated",
    "deleted",
    "'deleted'",
    "dropdown",
    "'execution pending'",
    "insertion-order",
    "updates@example.com",
    "{expression}",
    '{"expression": "pg_sleep(1)"}',
    "\uff07; DROP TABLE canary; --",  # the full-width apostrophe
    "\u02bc; DROP TABLE canary; --",  # a letter that looks like one
    "\u2019",
    "e\u0301",
    "\u00a0",
    "\U0001f600",
    " ",
    "",
    "a" * 10_000,
    "'" * 10_000,
    "\\" * 10_001,
    "\U0001f600" * 5_000,
)

# Values of other types, and how PostgreSQL writes them.
VALUES: tuple[tuple[str, Any, str], ...] = (
    ("text[]", ["'", '"', "\\", "{", "}", ",", "NULL", None, "", "a b", "'); DROP TABLE canary; --"], ""),
    ("text[]", [], "{}"),
    ("integer[]", [1, None, -2], "{1,NULL,-2}"),
    (
        "jsonb",
        {"'": "\\", "$$": ["'; DROP TABLE canary; --"]},
        '{"\'": "\\\\", "$$": ["\'; DROP TABLE canary; --"]}',
    ),
    ("jsonb", "{}", "{}"),
    ("json", "[1, 2]", "[1, 2]"),
    ("jsonb", ["\\u0027"], '["\\\\u0027"]'),
    ("integer", "42", "42"),
    ("bigint", -(2**63), str(-(2**63))),
    ("numeric(10,2)", "12.50", "12.50"),
    ("boolean", "YES", "true"),
    ("bytea", "\\x00ff27", "\\x00ff27"),
    ("date", "2026-01-31", "2026-01-31"),
    ("uuid", "{00000000-0000-0000-0000-000000000001}", "00000000-0000-0000-0000-000000000001"),
)

# No value of its type, or one that would be frozen at the moment of the DDL.
BAD: tuple[tuple[str, Any], ...] = (
    *(("integer", text) for text in TEXTS if text not in {"0", "42"}),
    ("integer", 1.5),
    ("integer", True),
    ("integer", [1]),
    ("integer", {"expression": 1}),
    ("integer", {"expression": None}),
    ("integer", {"expression": ["1"]}),
    ("integer", {"expression": {"expression": "1"}}),
    ("integer", {"expression": "1", "more": 1}),
    ("integer", {"Expression": "1"}),
    ("integer", 2**31),
    ("smallint", 99_999),
    ("bigint", 2**63),
    ("integer", "\u0661"),
    ("integer", "1_0"),
    ("integer", "0x10"),
    ("integer", "1e3"),
    ("numeric", "NaN"),
    ("numeric", "Infinity"),
    ("numeric(3,1)", "1000"),
    ("numeric(10,2)", "1e999"),
    ("numeric", "1;"),
    ("real", "1e39"),
    ("boolean", "maybe"),
    ("boolean", 1),
    ("text", 1),
    ("text", True),
    ("text", ["a"]),
    ("text", {"a": 1}),
    ("text", "a\u0001"),
    ("text", "a\u001b[31m"),
    ("text", "\u202eabc"),
    ("text", "\u2028"),
    ("text", "\u200b"),
    ("text", "a\ufeff"),
    ("text[]", ["\u3164"]),
    ("text", "a" + "\n" * 1_000 + "b"),
    ("varchar(3)", "abcd"),
    ("varchar(3)", "'; DROP TABLE canary; --"),
    ("text[]", "{}"),
    ("text[]", "{a,b}'; DROP TABLE canary"),
    ("text[]", [["a"]]),
    ("text[]", [1]),
    ("integer[]", ["a"]),
    ("jsonb", "{'a'}"),
    ("jsonb", "not json"),
    ("jsonb", "NaN"),
    ("jsonb", '{"a": Infinity}'),
    ("date", "now"),
    ("date", "today"),
    ("date", " TODAY "),
    ("date", "tomorrow"),
    ("date", "yesterday"),
    ("date", "infinity"),
    ("date", "epoch"),
    ("date", "2026-02-30"),
    ("date", "\u0662026-01-01"),
    ("timestamptz", "now"),
    ("timestamptz", "NOW"),
    ("timestamptz", "today"),
    ("timestamptz", "now'::timestamptz; --"),
    ("time", "allballs"),
    ("time", "25:00"),
    ("interval", "1 day'; --"),
    ("interval", "\u0661 day"),
    ("uuid", "x"),
    ("uuid", "gen_random_uuid(); DROP TABLE canary"),
    ("inet", "127.0.0.1'; --"),
    ("inet", "fe80::1%eth0"),
    ("cidr", "10.0.0.1/8"),
    ("macaddr", "08:00:2b:01:02:0g"),
    ("bytea", "\\x0"),
    ("bytea", "abc"),
    ("bytea", "\\x00'; --"),
    ("serial", 1),
    ("bigserial", "nextval('canary_id_seq')"),
    ("bigserial", {"expression": "nextval('canary_id_seq')"}),
)


def cases() -> Iterator[Case]:
    for text in TEXTS:
        yield Case("literals", field(default=text), expected=Expected.CREATED, value=text)
    for text in TEXTS[:60]:
        yield Case("literals", field("jsonb", default=[text]), expected=Expected.CREATED)
        yield Case("literals", field("text[]", default=[text]), expected=Expected.CREATED)
        yield Case("literals", field("varchar(100)", default=text), expected=Expected.CREATED, value=text)
    for type_text, given, value in VALUES:
        yield Case("literals", field(type_text, default=given), expected=Expected.CREATED, value=value or None)
    for type_text, given in BAD:
        yield Case("literals", field(type_text, default=given))
    # 200 kB, of which none is one too many, is a text like any other; beyond the policy's limit it is refused.
    yield Case("literals", field(default="'" * 200_000), expected=Expected.CREATED, value="'" * 200_000)
    yield Case("literals", field(default="x" * 300_000), checked_at_submit=True)
    yield Case("literals", field(default="\U0001f600" * 70_000), checked_at_submit=True)
    # Numbers that are short in JSON's own form and long in writing.
    for number in ("1e131071", "-1e131071", "1e-16000", "9" * 5_000, "1." + "0" * 16_000):
        payload = json.dumps(field("numeric", default="N")).replace('"N"', number)
        yield Case("literals", payload, raw=True)
