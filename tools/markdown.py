"""Markdown of the generated pages: heads, tables, and parts of pages that are written by hand."""

from collections.abc import Iterable, Sequence
from pathlib import Path

DIRECTORY = Path(__file__).resolve().parents[1] / "docs" / "reference"
NOTICE = "<!-- Written by `python -m tools.reference`. Change the code it is read from, not this page. -->"


def with_part(text: str, name: str, part: str) -> str:
    """A page that is written by hand, with the part that is not."""
    mark, end = f"<!-- {name}: written by `python -m tools.reference` -->\n", "<!-- end -->"
    before, _, after = text.partition(mark)
    return f"{before}{mark}\n{part}\n\n{end}{after.partition(end)[2]}"


def head(title: str) -> str:
    """The title, and that the page is not to be changed by hand."""
    return f"# {title}\n\n{NOTICE}\n"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table: its head, and a row a line."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell(each) for each in line) + " |" for line in lines)


def cell(text: str) -> str:
    """Text within a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def one_line(comment: str | None) -> str:
    """A comment of the database in one line."""
    return " ".join((comment or "").split())


def read(path: Path) -> str:
    """A page as it is; empty where there is none."""
    return path.read_text(encoding="utf-8") if path.exists() else ""
