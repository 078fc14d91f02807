"""The shape of a request: each rule is raised at once, the same by submit_request() and by a plain INSERT."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from schemad.daemon import Daemon
from schemad.store import Connection
from tests.database.asking import Refusal, insert, refusal, submit
from tests.support.databases import Database, Template, fields

FINE = fields("a")


def _field(**keys: object) -> dict[str, Any]:
    return {"fields": [{"name": "a", "type": "text"} | keys]}


def _only(field: object) -> dict[str, Any]:
    return {"fields": [field]}


# What is wrong: name, payload, SQLSTATE, rule.
NAMES = {
    "empty": ("", "42602", "name.invalid"),
    "missing": (None, "42602", "name.invalid"),
    "blank": (" ", "42602", "name.invalid"),
    "digit_first": ("1st", "42602", "name.invalid"),
    "hyphen": ("user-preferences", "42602", "name.invalid"),
    "with_schema": ("public.notes", "42602", "name.invalid"),
    "quoted": ('"notes"', "42602", "name.invalid"),
    "statement": ("x; DROP TABLE y", "42602", "name.invalid"),
    "trailing_newline": ("notes\n", "42602", "name.invalid"),
    "control_character": ("no\x07tes", "42602", "name.invalid"),
    "accent": ("éclair", "42602", "name.invalid"),
    "kelvin_sign": ("to\u212aen", "42602", "name.invalid"),
    "dotted_capital_i": ("\u0130d", "42602", "name.invalid"),
    "64_bytes": ("n" * 64, "42622", "name.too_long"),
    "pg_class": ("pg_class", "42939", "name.system"),
    "PG_Class": ("PG_Class", "42939", "name.system"),
    "system_column": ("xmin", "42939", "name.system"),
    "reserved": ("select", "42939", "name.reserved"),
    "reserved_folded": ("User", "42939", "name.reserved"),
}
TABLES = {
    "Messages": ("Messages", "42939", "name.protected"),
    "user_profiles": ("user_profiles", "42939", "name.protected"),
    "control_table": ("SCHEMA_REQUESTS", "42939", "name.protected"),
}
TYPES = {
    "empty": ("", "22023", "type.malformed"),
    "injection": ("varchar(10)) ; DROP TABLE x; --", "22023", "type.malformed"),
    "quoted": ('"text"', "22023", "type.malformed"),
    "with_schema": ("pg_catalog.text", "22023", "type.malformed"),
    "control_character": ("te\x01xt", "22023", "type.malformed"),
    "two_dimensions": ("text[][]", "22023", "type.malformed"),
    "serial_array": ("serial[]", "22023", "type.malformed"),
    "dotted_capital_i": ("\u0130nteger", "22023", "type.malformed"),
    "unknown": ("money", "42704", "type.unknown"),
    "row_type": ("regclass", "42704", "type.unknown"),
    "varchar_0": ("varchar(0)", "22023", "type.modifier"),
    "varchar_too_long": ("varchar(10485761)", "22023", "type.modifier"),
    "numeric_5000": ("numeric(5000)", "22023", "type.modifier"),
    "numeric_scale": ("numeric(10,1001)", "22023", "type.modifier"),
    "text_with_modifier": ("text(5)", "22023", "type.modifier"),
    "timestamp_7": ("timestamp(7) with time zone", "22023", "type.modifier"),
}
PAYLOADS: dict[str, tuple[object, str, str]] = {
    "string": ("fields", "22023", "payload.not_object"),
    "number": (5, "22023", "payload.not_object"),
    "true": (True, "22023", "payload.not_object"),
    "null": (None, "22023", "payload.not_object"),
    "array": ([FINE], "22023", "payload.not_object"),
    "unknown_key": (FINE | {"Fields": []}, "22023", "payload.unknown_key"),
    "description_number": (FINE | {"description": 5}, "22023", "payload.wrong_type"),
    "description_object": (FINE | {"description": {}}, "22023", "payload.wrong_type"),
    "action_unknown": (FINE | {"action": "truncate"}, "22023", "payload.action_unknown"),
    "action_number": (FINE | {"action": 5}, "22023", "payload.action_unknown"),
    "no_fields": ({}, "22023", "payload.no_fields"),
    "fields_null": ({"fields": None}, "22023", "payload.no_fields"),
    "fields_empty": ({"fields": []}, "22023", "payload.no_fields"),
    "fields_object": ({"fields": {"a": "text"}}, "22023", "payload.no_fields"),
    "fields_string": ({"fields": "a text"}, "22023", "payload.no_fields"),
    "1601_fields": (fields(*(f"f{n}" for n in range(1601))), "54011", "payload.too_many_fields"),
    "10000_fields": (fields(*(f"f{n}" for n in range(10_000))), "54000", "payload.too_large"),
    "field_string": (_only("a"), "22023", "field.not_object"),
    "field_null": (_only(None), "22023", "field.not_object"),
    "field_array": (_only(["a", "text"]), "22023", "field.not_object"),
    "name_missing": (_only({"type": "text"}), "22023", "field.name_missing"),
    "name_null": (_field(name=None), "22023", "field.name_missing"),
    "name_number": (_field(name=5), "22023", "field.name_missing"),
    "name_array": (_field(name=["a"]), "22023", "field.name_missing"),
    "type_missing": (_only({"name": "a"}), "22023", "field.type_missing"),
    "type_null": (_field(type=None), "22023", "field.type_missing"),
    "type_object": (_field(type={"name": "text"}), "22023", "field.type_missing"),
    "field_unknown_key": (_field(Nullable=True), "22023", "payload.unknown_key"),
    "nullable_string": (_field(nullable="yes"), "22023", "payload.wrong_type"),
    "unique_number": (_field(unique=1), "22023", "payload.wrong_type"),
    "field_description_array": (_field(description=[]), "22023", "payload.wrong_type"),
    "references_string": (_field(references="users"), "22023", "payload.wrong_type"),
    "metadata_array": (_field(metadata=[]), "22023", "payload.wrong_type"),
    "duplicate": (fields("a", "a"), "42701", "field.duplicate"),
    "duplicate_after_folding": (fields("userId", "b", "USERID"), "42701", "field.duplicate"),
}
Case = tuple[str | None, object, str, str]
CASES: dict[str, Case] = {
    **{f"table_{k}": (name, FINE, state, rule) for k, (name, state, rule) in (NAMES | TABLES).items()},
    **{
        f"field_{k}": ("notes", _field(name=name), state, rule)
        for k, (name, state, rule) in NAMES.items()
        if name is not None
    },
    **{f"type_{k}": ("notes", _field(type=given), state, rule) for k, (given, state, rule) in TYPES.items()},
    **{f"payload_{k}": ("notes", payload, state, rule) for k, (payload, state, rule) in PAYLOADS.items()},
}


@pytest.fixture(scope="module")
def refusing(template: Template) -> Iterator[Database]:
    """One database for all requests that are refused: none of them leaves a trace."""
    with template.copy() as database:
        yield database


@pytest.fixture
async def asker(refusing: Database) -> AsyncIterator[Connection]:
    """A requester's connection to it."""
    async with refusing.connection("app_one") as connection:
        yield connection


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_an_unsound_request_is_refused_at_once_with_rule_and_hint(asker: Connection, case: Case) -> None:
    name, payload, sqlstate, rule = case
    by_function = await refusal(submit(asker, name, payload))
    assert by_function.sqlstate == sqlstate
    assert (by_function.detail or "").startswith(f"Rule {rule}, request for table ")
    assert by_function.hint
    # A message is one line, whatever the request had in it.
    assert (by_function.message + (by_function.detail or "")).isprintable()
    assert await refusal(insert(asker, name, payload)) == by_function
    assert await asker.fetchval("SELECT count(*) FROM schemad.schema_requests") == 0


@pytest.mark.parametrize("user", [None, "", "  "])
async def test_a_request_says_who_asks(app: Connection, user: str | None) -> None:
    expected = Refusal(
        "22023",
        "requester_user_id is empty or longer than 255 characters",
        "Rule request.requester_missing, request for table 'notes'.",
        "Name who asks, in your application's own terms, such as 'user123'.",
    )
    assert await refusal(submit(app, "notes", FINE, user=user)) == expected
    assert await refusal(insert(app, "notes", FINE, user=user)) == expected


@pytest.mark.parametrize("character", ["\x1b", "\n", "\t", "\x85", "\u202e", "\u2028", "\u200b", "\U000e0041"])
@pytest.mark.parametrize("column", ["requester_user_id", "idempotency_key"])
async def test_who_asks_and_the_key_have_no_characters_that_mislead_a_reviewer(
    app: Connection, column: str, character: str
) -> None:
    values = {"requester_user_id": "user123", "idempotency_key": "one"} | {column: f"a{character}b"}
    asked = values["requester_user_id"], json.dumps(FINE), values["idempotency_key"]
    expected = Refusal(
        "22023",
        f"{column} has a character that misleads: U+{ord(character):04X}",
        "Rule request.control_character, request for table 'notes'.",
        "Text that can be seen, in one line.",
    )
    by_function = app.fetchval("SELECT schemad.submit_request($1, 'notes', $2, $3)", *asked)
    assert await refusal(by_function) == expected
    by_insert = app.execute(
        "INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload, idempotency_key) "
        "VALUES ($1, 'notes', $2, $3)",
        *asked,
    )
    assert await refusal(by_insert) == expected


async def test_who_asks_may_be_written_in_any_script(app: Connection) -> None:
    for user in ("Zoë O'Brien", "\u0646\u06cc\u0645\u200c\u0641", "👩\u200d💻", "用户"):
        assert await submit(app, "notes", FINE, user=user, key=user)


async def test_a_payload_that_is_null_in_sql_is_refused_too(app: Connection) -> None:
    by_function = await refusal(app.fetchval("SELECT schemad.submit_request('user123', 'notes', NULL)"))
    assert by_function.detail == "Rule payload.not_object, request for table 'notes'."


@pytest.mark.parametrize("column", ["requester_user_id", "schema_name"])
async def test_what_is_longer_than_its_column_is_told_by_the_function_and_refused_by_postgresql(
    app: Connection, column: str
) -> None:
    values = {"requester_user_id": "user123", "schema_name": "notes"} | {column: "x" * 256}
    asked = (values["schema_name"], FINE, values["requester_user_id"])
    rule = {"requester_user_id": "request.requester_missing", "schema_name": "name.too_long"}[column]
    assert f"Rule {rule}, " in ((await refusal(submit(app, *asked))).detail or "")
    assert (await refusal(insert(app, *asked))).sqlstate == "22001"


async def test_nul_is_refused_by_jsonb_itself(app: Connection) -> None:
    for payload in (_field(name="a\0b"), FINE | {"description": "\0"}):
        assert (await refusal(submit(app, "notes", payload))).sqlstate == "22P05"
        assert (await refusal(insert(app, "notes", payload))).sqlstate == "22P05"


async def test_the_first_fault_in_the_order_of_the_fields_is_told(app: Connection) -> None:
    payload = {
        "fields": [{"name": "a", "type": "text"}, {"name": "b", "type": "money"}, {"name": "1", "type": "x"}]
    }
    assert await refusal(submit(app, "notes", payload)) == Refusal(
        "42704",
        "field 2 b: 'money' is not a known type",
        "Rule type.unknown, request for table 'notes'.",
        "Known: bigint, bigserial, boolean, bytea, char, cidr, date, double precision, inet, integer, interval, "
        "json, jsonb, macaddr, numeric, real, serial, smallint, smallserial, text, time, timestamp, timestamptz, "
        "timetz, uuid, varchar.",
    )


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ({"name": "a", "typ": "text"}, "field 1 a has no type, but an unknown key 'typ'"),
        ({"nam": "a", "type": "text"}, "field 1 has no name, but an unknown key 'nam'"),
        ({"name": "a"}, "field 1 a has no type, or one that is not a string"),
    ],
)
async def test_a_mistyped_key_is_named_where_what_it_means_is_missing(
    app: Connection, field: dict[str, str], message: str
) -> None:
    by_function = await refusal(submit(app, "notes", _only(field)))
    assert by_function.message == message
    assert await refusal(insert(app, "notes", _only(field))) == by_function


async def test_an_unknown_key_is_named(app: Connection) -> None:
    by_payload = await refusal(submit(app, "notes", FINE | {"colour": 1}))
    assert by_payload.message == "unknown key 'colour'"
    by_field = await refusal(submit(app, "notes", _field(lenght=5)))
    assert by_field.message == "field 1 a: unknown key 'lenght'"


@pytest.mark.parametrize("key", ["nullable", "unique", "description", "references", "metadata"])
async def test_the_key_whose_value_has_the_wrong_type_is_named(app: Connection, key: str) -> None:
    by_payload = await refusal(submit(app, "notes", FINE | {"description": 5}))
    assert by_payload.message == "description has a value of the wrong JSON type"
    by_field = await refusal(submit(app, "notes", _field(**{key: 5})))
    assert by_field.message == f"field 1 a: {key} has a value of the wrong JSON type"


async def test_ten_thousand_fields_are_too_many_even_where_their_size_is_allowed(
    admin: Connection, app: Connection
) -> None:
    await admin.execute("UPDATE schemad.policy SET max_payload_bytes = 16777216")
    payload = fields(*(f"f{n}" for n in range(10_000)))
    by_function = await refusal(submit(app, "notes", payload))
    assert (by_function.sqlstate, by_function.message) == ("54011", "request_payload has 10000 fields")
    assert await refusal(insert(app, "notes", payload)) == by_function


async def test_a_payload_of_20_mb_is_refused(app: Connection) -> None:
    payload = FINE | {"description": "x" * 20_000_000}
    by_function = await refusal(submit(app, "notes", payload))
    assert by_function.sqlstate == "54000"
    assert by_function.detail == "Rule payload.too_large, request for table 'notes'."
    assert "max_payload_bytes" in (by_function.hint or "")
    assert await refusal(insert(app, "notes", payload)) == by_function


async def test_a_large_payload_does_not_pass_by_being_stored_compressed(app: Connection) -> None:
    payload = json.dumps(FINE | {"description": "x" * 5_000_000})
    await app.execute("CREATE TEMP TABLE staged (payload jsonb)")
    await app.execute("INSERT INTO staged VALUES ($1)", payload)
    by_function = await refusal(app.execute("SELECT schemad.submit_request('me', 'notes', payload) FROM staged"))
    assert by_function.sqlstate == "54000"
    by_insert = await refusal(
        app.execute(
            "INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload) "
            "SELECT 'me', 'notes', payload FROM staged"
        )
    )
    assert by_insert == by_function


async def test_a_name_of_63_bytes_and_1600_fields_are_fine(app: Connection) -> None:
    assert await submit(app, "n" * 63, _field(name="f" * 63))
    assert await submit(app, "wide", fields(*(f"f{n}" for n in range(1600))))


@pytest.mark.parametrize("action", ["deprecate", "restore", "drop"])
async def test_other_actions_bring_no_fields(app: Connection, action: str) -> None:
    assert await submit(app, "notes", {"action": action})


async def test_a_row_of_an_insert_that_is_unsound_takes_the_others_with_it(app: Connection) -> None:
    by_insert = await refusal(
        app.execute(
            "INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload) "
            "SELECT 'me', name, $1 FROM unnest('{one,two,select}'::text[]) AS name",
            json.dumps(FINE),
        )
    )
    assert by_insert.detail == "Rule name.reserved, request for table 'select'."
    assert await app.fetchval("SELECT count(*) FROM schemad.schema_requests") == 0


# Wrong JSON types where the trigger does not look: the daemon tells, and goes on.
LEFT_TO_THE_DAEMON = [
    FINE | {"primary_key": "a"},
    FINE | {"primary_key": [1]},
    FINE | {"unique": "a"},
    FINE | {"unique": [["a"], "a"]},
    FINE | {"checks": "a > ''"},
    FINE | {"checks": [{}]},
    FINE | {"indexes": {"fields": ["a"]}},
    FINE | {"indexes": [{"fields": "a"}]},
    FINE | {"indexes": [{"fields": ["a"], "unique": "yes"}]},
    FINE | {"indexes": [{"fields": ["a"], "method": 1}]},
    _field(references={}),
    _field(references={"table": ["x"]}),
    {"action": "drop", "fields": 5},
]


async def test_wrong_json_types_elsewhere_are_held_with_a_finding_and_stop_nobody(
    app: Connection, daemon: Daemon
) -> None:
    for number, payload in enumerate(LEFT_TO_THE_DAEMON):
        request_id = await submit(app, f"odd_{number}", payload)
        row = await app.fetchrow("SELECT * FROM schemad.wait_for_request($1)", request_id)
        assert row is not None
        assert (row["status"], row["verdict"]) == ("pending", "review")
        rule = "payload.wrong_type" if isinstance(payload["fields"], list) else "payload.no_fields"
        assert {f["rule"] for f in json.loads(row["findings"])} == {rule}
    row = await app.fetchrow("SELECT * FROM schemad.wait_for_request($1)", await submit(app, "good", FINE))
    assert row is not None
    assert row["status"] == "approved"
