"""The SQL files are written by hand for people to read: a function, a view or a table's triggers each, by name."""

import re
from pathlib import Path

import pytest

from schemad.store.sql_files import sql_directory

FILES = sorted(sql_directory().rglob("*.sql"))
LONGEST_LINE = 160
DEFINES = re.compile(r"^CREATE (?:OR REPLACE )?(FUNCTION|PROCEDURE) schemad\.(\w+)", re.MULTILINE)


def named(path: Path) -> str:
    return str(path.relative_to(sql_directory()))


def test_there_are_files_of_each_kind() -> None:
    kinds = {path.parent.name for path in FILES}
    assert kinds == {"migrations", "functions", "triggers", "views", "roles"}


@pytest.mark.parametrize("path", FILES, ids=named)
def test_a_file_is_tidy(path: Path) -> None:
    text = path.read_bytes().decode("utf-8")
    assert "\t" not in text
    assert "\r" not in text
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    for number, line in enumerate(text.splitlines(), 1):
        assert line == line.rstrip(), f"line {number} ends with blanks"
        # A sentence to be read by people stays in one piece, so that it is found by searching for it.
        is_sentence = line.lstrip().startswith("'")
        assert is_sentence or len(line) <= LONGEST_LINE, f"line {number} has {len(line)} characters"


@pytest.mark.parametrize("path", [p for p in FILES if p.parent.name == "functions"], ids=named)
def test_a_function_is_in_the_file_of_its_name_with_a_comment(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    defined = DEFINES.findall(text)
    assert [name for _, name in defined] == [path.stem]
    kind, name = defined[0]
    assert re.search(rf"^COMMENT ON {kind} schemad\.{name}\(", text, re.MULTILINE)


@pytest.mark.parametrize("path", [p for p in FILES if p.parent.name == "triggers"], ids=named)
def test_the_triggers_of_a_table_are_in_the_file_of_its_name_and_nothing_else(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    made = re.findall(r"^CREATE (?:OR REPLACE )?(\w+) (\w+)", text, re.MULTILINE)
    assert {kind for kind, _ in made} == {"TRIGGER"}
    on = re.findall(r"^COMMENT ON TRIGGER (\w+) ON schemad\.(\w+)", text, re.MULTILINE)
    assert on == [(name, path.stem) for _, name in made]


def test_migrations_are_numbered_without_gaps() -> None:
    numbers = [path.name[:4] for path in FILES if path.parent.name == "migrations"]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
