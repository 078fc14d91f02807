"""Rows that no trigger looked at: each gets a verdict and findings, and the queue moves on."""

import json

from schemad.daemon import Daemon
from schemad.store import Connection
from tests.support.databases import fields
from tests.support.requests import INSERT, ask, columns_of, decided, rules

SOUND = json.dumps(fields("a"))


def field(**keys: object) -> str:
    return json.dumps({"fields": [{"name": "a", "type": "text"} | keys]})


# What was inserted, as name and payload, with a rule that must be among the findings; None: any.
PAYLOADS = {
    "null": ("null", "payload.not_object"),
    "true": ("true", "payload.not_object"),
    "number": ("42", "payload.not_object"),
    "string": ('"fields"', "payload.not_object"),
    "array": ("[]", "payload.not_object"),
    "empty": ("{}", "payload.no_fields"),
    "no_fields": ('{"fields": []}', "payload.no_fields"),
    "fields_null": ('{"fields": null}', "payload.no_fields"),
    "fields_object": ('{"fields": {"a": "text"}}', "payload.no_fields"),
    "fields_scalars": ('{"fields": [null, 1, "a", [], true]}', "field.not_object"),
    "field_empty": ('{"fields": [{}]}', "field.name_missing"),
    "unknown_key": ('{"fields": [{"name": "a", "type": "text"}], "Fields": 1}', "payload.unknown_key"),
    "unknown_action": ('{"action": "explode"}', "payload.action_unknown"),
    "name_number": (field(name=1), "field.name_missing"),
    "name_empty": (field(name=""), "name.invalid"),
    "name_newline": (field(name="a\n"), "name.invalid"),
    "name_quoted": (field(name='a" text); DROP TABLE x; --'), "name.invalid"),
    "name_long": (field(name="a" * 64), "name.too_long"),
    "name_huge": (field(name="a" * 100_000), "name.too_long"),
    "name_system": (field(name="xmin"), "name.system"),
    "name_reserved": (field(name="select"), "name.reserved"),
    "twice": (json.dumps(fields("a", "A")), "field.duplicate"),
    "type_null": (field(type=None), "field.type_missing"),
    "type_unknown": (field(type="money"), "type.unknown"),
    "type_injected": (field(type="varchar(10)) ; DROP TABLE x; --"), "type.malformed"),
    "type_zero": (field(type="varchar(0)"), "type.modifier"),
    "type_large": (field(type="numeric(5000)"), "type.modifier"),
    "nullable_text": (field(nullable="yes"), "payload.wrong_type"),
    "unique_number": (field(unique=1), "payload.wrong_type"),
    "references_text": (field(references="users"), "payload.wrong_type"),
    "metadata_array": (field(metadata=[]), "payload.wrong_type"),
    "description_object": (field(description={}), "payload.wrong_type"),
    "description_control": (field(description="a\u0007b"), "payload.control_character"),
    "default_object": (field(default={"sql": "now()"}), "default.does_not_fit"),
    "default_large": (field(type="integer", default=10**30), "default.does_not_fit"),
    "key_unknown": ('{"fields": [{"name": "a", "type": "text"}], "primary_key": ["b"]}', "field.not_there"),
    "unique_scalars": ('{"fields": [{"name": "a", "type": "text"}], "unique": ["a"]}', "payload.wrong_type"),
    "checks_object": ('{"fields": [{"name": "a", "type": "text"}], "checks": [{}]}', "payload.wrong_type"),
    "indexes_text": ('{"fields": [{"name": "a", "type": "text"}], "indexes": "a"}', "payload.wrong_type"),
    "nested": ("[" * 5000 + "]" * 5000, None),
    "nested_default": (field(type="jsonb", default=0).replace("0", "[" * 4000 + "]" * 4000), None),
    "huge_number": ("9" * 100_000, None),
    "huge_exponent": ("1e100000", None),
    "huge_default": (field(type="numeric", default=0).replace("0", "9" * 10_000), None),
    "many_fields": (json.dumps(fields(*(f"f{n}" for n in range(10_000)))), "payload.too_many_fields"),
    "many_faults": (json.dumps(fields(**{f"f{n}": "money" for n in range(1_600)})), "type.unknown"),
    "many_unknown_keys": (json.dumps({f"k{n}": n for n in range(10_000)}), "payload.unknown_key"),
}
NAMES = {
    "": "name.invalid",
    " ": "name.invalid",
    "a\n": "name.invalid",
    "a\tb": "name.invalid",
    "1a": "name.invalid",
    'x"; DROP TABLE y; --': "name.invalid",
    "Ünïcode": "name.invalid",
    "a" * 64: "name.too_long",
    "a" * 255: "name.too_long",
    "Messages": "name.protected",
    "pg_class": "name.system",
    "SELECT": "name.reserved",
}


async def insert_unseen(admin: Connection, name: str, payload: str) -> int:
    """Inserts a request as replication would: without any trigger, so that nothing is checked and nobody woken."""
    async with admin.transaction():
        await admin.execute("SET LOCAL session_replication_role = replica")
        request_id: int = await admin.fetchval(
            INSERT + "VALUES ('user123', $1, $2::text::jsonb) RETURNING id", name, payload
        )
    return request_id


async def test_every_unsound_payload_is_held_with_findings_and_the_queue_moves_on(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    ids = {name: await insert_unseen(admin, name, payload) for name, (payload, _) in PAYLOADS.items()}
    good = await ask(app, "good", fields("a"))
    assert good["status"] == "approved"

    requests = {name: await decided(admin, request_id) for name, request_id in ids.items()}
    assert {name: (r["status"], r["verdict"]) for name, r in requests.items()} == dict.fromkeys(
        PAYLOADS, ("pending", "review")
    )
    missing = {
        name: rules(requests[name])
        for name, (_, rule) in PAYLOADS.items()
        if (rule not in rules(requests[name]) if rule else not rules(requests[name]))
    }
    assert missing == {}
    assert await admin.fetchval("SELECT count(*) FROM schemad.schema_changes_audit") == 1
    assert await columns_of(admin, "public.good") == ["id", "a"]


async def test_every_unsound_name_is_held_with_findings_and_the_queue_moves_on(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    ids = {name: await insert_unseen(admin, name, SOUND) for name in NAMES}
    assert (await ask(app, "good", fields("a")))["status"] == "approved"
    requests = {name: await decided(admin, request_id) for name, request_id in ids.items()}
    assert {name: (r["verdict"], rules(r)) for name, r in requests.items()} == {
        name: ("review", [rule]) for name, rule in NAMES.items()
    }
    assert await admin.fetchval("SELECT count(*) FROM schemad.schema_changes_audit") == 1


async def test_no_text_of_a_request_breaks_its_record(admin: Connection, app: Connection, daemon: Daemon) -> None:
    ids = []
    for text in ("\u202e", "\u2028", "🎉", "'; DROP TABLE x; --", "\\", "%s {} $1", "\U0010ffff"):
        payload = {
            "description": text,
            "fields": [
                {"name": text, "type": text, "default": text, "description": text, "metadata": {text: text}}
            ],
            "checks": [text],
            "unique": [[text]],
            "indexes": [{"fields": [text], "method": text}],
        }
        ids.append(await insert_unseen(admin, text, json.dumps(payload)))
    assert (await ask(app, "good", fields("a")))["status"] == "approved"
    for request_id in ids:
        held = await decided(admin, request_id)
        assert held["verdict"] == "review"
        assert {"name.invalid", "type.malformed"} <= set(rules(held))
