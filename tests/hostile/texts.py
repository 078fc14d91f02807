"""Descriptions: comments in the catalog, and text on somebody's screen."""

from collections.abc import Iterator

from tests.hostile.case import ONE_FIELD, Case, Expected
from tests.hostile.literals import TEXTS

BAD = (
    "\u0001",
    "a\u001b[2J\u001b[31mapproved",
    "\u0007",
    "\u0008\u0008\u0008",
    "a\rb",
    "\u009b31m",
    "\u202eevoba si tahw pord",
    "\u2066\u2069",
    "\u200e",
    "\u061c",
    "\u2028",
    "\u2029",
    "\u007f",
    "\u0085",
    "approved\u200b",
    "\ufeff",
    "\u3164",
    "a\u034fb",
    "a" + "\n" * 3_000 + "b",
)


def cases() -> Iterator[Case]:
    for text in TEXTS:
        comment = text or None
        payload = {"description": text, "fields": [ONE_FIELD[0] | {"description": text, "metadata": {"'": text}}]}
        yield Case("texts", payload, expected=Expected.CREATED, comment=comment)
    for text in BAD:
        yield Case("texts", {"description": text, "fields": ONE_FIELD})
        yield Case("texts", {"fields": [ONE_FIELD[0] | {"description": text}]})
    long = "'\\" * 80_000
    yield Case("texts", {"description": long, "fields": ONE_FIELD}, expected=Expected.CREATED, comment=long)
    yield Case("texts", {"description": "x" * 300_000, "fields": ONE_FIELD}, checked_at_submit=True)
