"""The queries of the measures: `queries/<name>.sql`."""

from functools import cache
from importlib.resources import files


@cache
def query(name: str) -> str:
    """The text of a query."""
    return (files("schemad.bench") / "queries" / f"{name}.sql").read_text(encoding="utf-8")
