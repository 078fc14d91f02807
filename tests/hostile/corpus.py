"""The corpus: every hostile request, by kind."""

from functools import cache

from tests.hostile import expressions, field_types, literals, names, shapes, targets, texts
from tests.hostile.case import Case, numbered

_KINDS = {
    "names": names.cases,
    "types": field_types.cases,
    "literals": literals.cases,
    "expressions": expressions.cases,
    "texts": texts.cases,
    "shapes": shapes.cases,
    "targets": targets.cases,
}


@cache
def corpus() -> tuple[Case, ...]:
    """All cases, each with a table of its own, but for those that attack by its name."""
    return tuple(case for kind, cases in _KINDS.items() for case in numbered(kind, cases()))
