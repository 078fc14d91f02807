"""Types: what schemad says a field will be is what the server then says it is."""

import json

import pytest

from schemad.daemon import Daemon
from schemad.request.types import KNOWN_TYPES, FieldType, KnownType, read_type
from schemad.store import Connection
from tests.support.requests import ask
from tests.unit.literals import LITERALS

pytestmark = pytest.mark.every_server


def modifiers(known: KnownType) -> list[tuple[int, ...]]:
    """Modifiers to try: none, the smallest, the largest, and for numeric those of its scale."""
    least, most = known.modifier_range
    one: list[tuple[int, ...]] = [(least,), (most,)] if known.modifiers else []
    two: list[tuple[int, ...]] = (
        [(10, 2), (3, 5), (3, -2), (1000, 1000), (1, -1000)] if known.modifiers == 2 else []
    )
    return [(), *one, *two]


def spelled(known: KnownType, name: str, given: tuple[int, ...], is_array: bool) -> str:
    """The type as a request may spell it."""
    written = f"({', '.join(map(str, given))})" if given else ""
    head, *rest = name.split(" ", 1) if name.endswith("time zone") else [name]
    return " ".join([head + written, *rest]) + ("[]" if is_array else "")


def all_spellings() -> list[str]:
    return [
        spelled(known, name, given, is_array)
        for known in KNOWN_TYPES.values()
        for name in (known.name, *known.aliases)
        for given in modifiers(known)
        for is_array in ((False,) if known.serial_of else (False, True))
    ]


async def test_every_type_in_every_spelling_is_in_the_catalog_what_was_asked_for(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    spellings = all_spellings()
    understood = [read_type(text, field=text) for text in spellings]
    types = [found for found in understood if isinstance(found, FieldType)]
    assert len(types) == len(spellings), understood

    await admin.execute("UPDATE schemad.policy SET max_fields = 1600")
    asked = [{"name": f"f{n}", "type": text} for n, text in enumerate(spellings)]
    request = await ask(app, "every_type", {"fields": asked, "primary_key": []})
    assert request["status"] == "approved", request

    # The server's own reading of the spelling; of a serial, of the integer type that it stands for.
    spelled_for_server = [found.known.serial_of or text for text, found in zip(spellings, types, strict=True)]
    own = ", ".join(f"f{n} {text}" for n, text in enumerate(spelled_for_server))
    await admin.execute(f"CREATE SCHEMA scratch; CREATE TABLE scratch.every_type ({own})")
    created, read_by_server = await catalog_types(admin, "public"), await catalog_types(admin, "scratch")
    assert created == read_by_server
    assert [found.catalog_name for found in types] == created


async def test_every_literal_that_schemad_takes_is_a_value_of_its_type_to_the_server(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    asked = [
        {"name": f"f{n}", "type": text, "nullable": False, "default": value}
        for n, (text, value, _) in enumerate(LITERALS)
    ]
    payload = json.dumps({"fields": asked}, default=float)
    request = await ask(app, "every_literal", json.loads(payload))
    assert (request["status"], request["verdict"]) == ("approved", "auto"), request
    # varchar(3) and its like are only looked at when a row is made.
    await app.execute("INSERT INTO public.every_literal DEFAULT VALUES")
    rows = await app.fetch("SELECT * FROM public.every_literal")
    assert len(rows) == 1
    assert None not in tuple(rows[0])


async def catalog_types(admin: Connection, schema: str) -> list[str]:
    """The types of the fields of every_type, as the catalog has them."""
    rows = await admin.fetch(
        "SELECT format_type(atttypid, atttypmod) AS type FROM pg_attribute "
        "WHERE attrelid = $1::text::regclass AND attnum > 0 ORDER BY attnum",
        f"{schema}.every_type",
    )
    return [row["type"] for row in rows]
