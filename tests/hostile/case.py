"""One hostile request, and what may become of it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

ONE_FIELD = [{"name": "a", "type": "text"}]


class Expected(StrEnum):
    """What may become of a request."""

    CREATED = "created"  # harmless, though it looks otherwise: it is created by itself, text kept as it is
    NOT_BY_ITSELF = "not by itself"  # refused, held or failed, each with a rule


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A request of the corpus.

    Attributes:
        kind: What it attacks.
        table: The name asked for; empty until the corpus gives it one of its own.
        payload: The payload as a value, or as JSON text where Python could not write it so.
        checked_at_submit: Whether only the trigger minds: past it, a limit of submission is none.
        raw: Whether it is such text.
        expected: What may become of it.
        value: For what is created: the value that its field's default must have, as text.
        comment: For what is created: the comment that the table must have.
    """

    kind: str
    payload: Any
    table: str = ""
    expected: Expected = Expected.NOT_BY_ITSELF
    value: str | None = None
    comment: str | None = None
    raw: bool = False
    checked_at_submit: bool = False

    def as_json(self) -> str:
        """The payload as JSON text."""
        return str(self.payload) if self.raw else json.dumps(self.payload)

    def __str__(self) -> str:
        return f"{self.kind}: {self.table!a} {str(self.payload)[:300]!a}"


def numbered(kind: str, cases: Iterable[Case]) -> Iterator[Case]:
    """The cases, with a table of their own for each that does not name one."""
    for number, case in enumerate(cases):
        yield case if case.table else replace(case, table=f"h_{kind}_{number}")


def field(type_text: Any = "text", **more: Any) -> dict[str, Any]:
    """A payload with the field `a`."""
    return {"fields": [{"name": "a", "type": type_text, **more}]}
