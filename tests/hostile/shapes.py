"""JSON that is no request: of other types, with other keys, deep, large, empty."""

import json
from collections.abc import Iterator
from typing import Any

from tests.hostile.case import ONE_FIELD, Case, Expected, field

OTHERS: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**40, "", "a", "true", "null", "{}", [], [[]], [None], ["a"], [1],
    {}, {"a": 1}, [{}], [{"name": "a"}], {"expression": "1"},
)  # fmt: skip

UNKNOWN_KEYS = (
    *(
        "",
        "Fields",
        "fields ",
        "FIELDS",
        "owner",
        "schema",
        "tablespace",
        "__proto__",
        "$ref",
        "status",
        "verdict",
    ),
    *("decided_by", "plan_sql", "sql", "approved", "'; DROP TABLE canary; --", "\u202e", "x" * 10_000),
)

# The values above that are as good as leaving the key out, or are what it wants.
FINE: dict[str, tuple[Any, ...]] = {
    "description": (None, "", "a", "true", "null", "{}"),
    "primary_key": (None, [], ["a"]),
    "unique": (None, [], [[]]),
    "checks": (None, []),
    "indexes": (None, []),
    "action": (None,),
    "nullable": (None, True, False),
    "field.unique": (None, True, False),
    "references": (None,),
    "metadata": (None, {}, {"a": 1}, {"expression": "1"}),
    "default": (None, "", "a", "true", "null", "{}", {"expression": "1"}),
}


def _expected(key: str, value: Any) -> Expected:
    fine = any(type(value) is type(other) and value == other for other in FINE.get(key, ()))
    return Expected.CREATED if fine else Expected.NOT_BY_ITSELF


def cases() -> Iterator[Case]:
    for value in OTHERS:
        yield Case("shapes", value)
        yield Case("shapes", {"fields": value})
        yield Case("shapes", {"fields": [value]})
        for key in ("description", "primary_key", "unique", "checks", "indexes", "action"):
            yield Case("shapes", {"fields": ONE_FIELD, key: value}, expected=_expected(key, value))
        for key in ("nullable", "default", "unique", "description", "references", "metadata"):
            known = "field.unique" if key == "unique" else key
            yield Case("shapes", field(**{key: value}), expected=_expected(known, value))
        yield Case("shapes", {"fields": [{"name": value, "type": "text"}]}, expected=_name(value))
        yield Case("shapes", field(references={"table": "canary", "field": value}))
        yield Case("shapes", field(references={"table": "canary", "on_delete": value}))
        yield Case("shapes", {"fields": ONE_FIELD, "indexes": [{"fields": ["a"], "method": value}]})
        yield Case("shapes", {"fields": ONE_FIELD, "indexes": [{"fields": value}]}, expected=_index(value))
    yield from _keys()
    yield from _sizes()


def _name(value: Any) -> Expected:
    return Expected.CREATED if value == "a" else Expected.NOT_BY_ITSELF


def _index(value: Any) -> Expected:
    return Expected.CREATED if value == ["a"] else Expected.NOT_BY_ITSELF


def _keys() -> Iterator[Case]:
    """Keys that mean nothing, at each level; and those that would mean something elsewhere."""
    for key in UNKNOWN_KEYS:
        yield Case("shapes", {"fields": ONE_FIELD, key: "text"})
        yield Case("shapes", field(**{key: "text"}))
        yield Case("shapes", field(references={"table": "canary", key: "id"}))
        yield Case("shapes", {"fields": ONE_FIELD, "indexes": [{"fields": ["a"], key: True}]})
        yield Case("shapes", field(metadata={key: {key: [key]}}), expected=Expected.CREATED)
    # Twice the same key: the database keeps the last.
    yield Case("shapes", '{"fields": [{"name": "a", "type": "text", "type": "money"}]}', raw=True)
    yield Case(
        "shapes", '{"action": "ensure", "fields": [{"name": "a", "type": "text"}], "action": "drop"}', raw=True
    )
    yield Case(
        "shapes", '{"fields": [], "fields": [{"name": "a", "type": "text"}]}', expected=Expected.CREATED, raw=True
    )
    # Characters that JSON has and PostgreSQL has not, and text that is no JSON.
    for text in ("\\u0000", "a\\u0000b", "\\ud800", "\\udc00", "\\ud800a", "\\udfff\\ud800", "\\x41", "\\u12"):
        yield Case("shapes", f'{{"fields": [{{"name": "{text}", "type": "text"}}]}}', raw=True)
        yield Case("shapes", f'{{"fields": [{{"name": "a", "type": "text", "default": "{text}"}}]}}', raw=True)
        yield Case(
            "shapes", f'{{"fields": [{{"name": "a", "type": "text", "metadata": {{"a": "{text}"}}}}]}}', raw=True
        )
    for text in (
        "",
        " ",
        "{",
        "}",
        "nul",
        "{'a': 1}",
        '{"a": NaN}',
        '{"a": 01}',
        '{"a": 1,}',
        "{} {}",
        "\ufeff{}",
        "// {}",
    ):
        yield Case("shapes", text, raw=True)


def _sizes() -> Iterator[Case]:
    """Much of everything."""
    for depth in (10, 100, 900, 990, 1_000, 3_000, 100_000):
        deep = "[" * depth + "]" * depth
        for payload in (
            deep,
            f'{{"fields": {deep}}}',
            f'{{"fields": [{{"name": "a", "type": "text", "default": {deep}}}]}}',
        ):
            yield Case("shapes", payload, raw=True)
        yield Case("shapes", f'{{"fields": [{{"name": "a", "type": "text", "checks": {deep}}}]}}', raw=True)
    many = 20_000
    yield Case("shapes", {f"k{n}": n for n in range(many)})
    yield Case("shapes", field(**{f"k{n}": n for n in range(many)}))
    yield Case("shapes", field(references={f"k{n}": n for n in range(many)}))
    yield Case("shapes", field(references={"table": "canary"} | {f"k{n}": n for n in range(many)}))
    yield Case("shapes", field(metadata={f"k{n}": n for n in range(9_000)}), expected=Expected.CREATED)
    for count in (101, 1_600, 1_601, 5_000):
        yield Case("shapes", {"fields": [{"name": f"f{n}", "type": "text"} for n in range(count)]})
    yield Case(
        "shapes", {"fields": [{"name": f"f{n}", "type": "text"} for n in range(99)]}, expected=Expected.CREATED
    )
    yield Case("shapes", {"fields": ONE_FIELD * 1_000})
    yield Case("shapes", {"fields": ONE_FIELD, "primary_key": ["a"] * 10_000})
    yield Case("shapes", {"fields": ONE_FIELD, "unique": [["a"] * 10_000]})
    fields = [{"name": f"f{n}", "type": "text"} for n in range(40)]
    names = [f["name"] for f in fields]
    yield Case("shapes", {"fields": fields, "primary_key": names})
    yield Case("shapes", {"fields": fields, "indexes": [{"fields": names}]})
    yield Case("shapes", {"fields": fields, "unique": [[n] for n in names]})
    yield Case("shapes", {"fields": fields, "indexes": [{"fields": [n]} for n in names]})
    yield Case("shapes", {"fields": ONE_FIELD, "indexes": [{"fields": ["b" * 60]} for _ in range(3_000)]})
    yield Case(
        "shapes",
        {
            "fields": [{"name": "a", "type": "jsonb"}],
            "indexes": [{"fields": ["a"], "method": "hash", "unique": True}],
        },
    )
    # 20,000 checks would be read for a quarter of a minute, while everybody else waits.
    yield Case(
        "shapes", {"fields": [{"name": "a", "type": "integer"}], "checks": [f"a > {n}" for n in range(15_000)]}
    )
    yield Case("shapes", {"fields": ONE_FIELD, "checks": ["x("] * 20_000})
    calls = "+".join(f"f{n}()" for n in range(140))
    yield Case("shapes", {"fields": ONE_FIELD, "checks": [f"{calls} > {n}" for n in range(150)]})
    # 7 kB stored, 50 MB in writing.
    for count in (2, 20, 400):
        numbers = ",".join(["1e131071"] * count)
        text = json.dumps(field(metadata={"a": "N"})).replace('"N"', f"[{numbers}]")
        yield Case("shapes", text, raw=True)
