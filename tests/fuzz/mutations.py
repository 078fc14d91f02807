"""Mutations: a request made into another one, as text or as JSON."""

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

# What means something to JSON, to SQL or to schemad.
WORDS = (
    *"""
    null true text integer jsonb timestamptz serial now a id fields name type default expression
    checks unique primary_key indexes references table action drop ensure metadata description
    nullable on_delete method btree
    """.split(),
    '"',
    "'",
    "\\",
    "''",
    "$$",
    ";",
    "--",
    "/*",
    "*/",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "::",
    ".",
    " ",
    "\n",
    "\\u0000",
    "\\ud800",
    "\u200b",
    "\u212a",
    "\u202e",
    "\uff07",
    "0",
    "-1",
    "1e131071",
    "9" * 30,
    "E'",
    "U&'",
    "varchar(",
    "numeric(",
    "[]",
    "now()",
    "SELECT",
    "pg_sleep(1)",
    "lower(",
)


def mutated(seed: str, others: Sequence[str], chance: random.Random) -> str:
    """The text after one to four mutations."""
    text = seed
    for _ in range(chance.randint(1, 4)):
        text = chance.choice(_MUTATIONS)(text, others, chance)
    return text[:20_000]


def _insert(text: str, _: Sequence[str], chance: random.Random) -> str:
    place = chance.randint(0, len(text))
    return text[:place] + chance.choice(WORDS) + text[place:]


def _delete(text: str, _: Sequence[str], chance: random.Random) -> str:
    place = chance.randint(0, len(text))
    return text[:place] + text[place + chance.randint(1, 8) :]


def _replace(text: str, _: Sequence[str], chance: random.Random) -> str:
    place = chance.randint(0, len(text))
    return (
        text[:place]
        + chr(chance.choice((chance.randint(1, 127), chance.randint(128, 0x2FFF))))
        + text[place + 1 :]
    )


def _repeat(text: str, _: Sequence[str], chance: random.Random) -> str:
    start = chance.randint(0, len(text))
    part = text[start : start + chance.randint(1, 20)]
    return text[:start] + part * chance.choice((2, 3, 50, 300)) + text[start:]


def _splice(text: str, others: Sequence[str], chance: random.Random) -> str:
    other = chance.choice(others)
    return text[: chance.randint(0, len(text))] + other[chance.randint(0, len(other)) :]


def _swap_values(text: str, others: Sequence[str], chance: random.Random) -> str:
    """Puts a value of another request, or a word, where a value of this one is: what it is stays JSON."""
    try:
        value, other = json.loads(text), json.loads(chance.choice(others))
    except (ValueError, RecursionError):
        return text
    places = list(_places(value))
    if not places:
        return text
    holder, key = chance.choice(places)
    donors = [h[k] for h, k in _places(other)]
    words = (chance.choice(WORDS), f"{holder[key]}{chance.choice(WORDS)}")
    holder[key] = chance.choice([*donors, *words]) if donors else chance.choice(words)
    return json.dumps(value)


def _places(value: Any, depth: int = 0) -> list[tuple[Any, Any]]:
    """Every place in a value at which another one is: the object or list, and the key."""
    if depth > 20 or not isinstance(value, dict | list):
        return []
    keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
    return [(value, key) for key in keys] + [place for key in keys for place in _places(value[key], depth + 1)]


_MUTATIONS: tuple[Callable[[str, Sequence[str], random.Random], str], ...] = (
    _insert,
    _delete,
    _replace,
    _repeat,
    _splice,
    _swap_values,
    _swap_values,
    _swap_values,
)
