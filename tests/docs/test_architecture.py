"""The page on architecture shows the rooms as they are: each file is named, and what it names is there."""

import re
from pathlib import Path

from schemad.store.sql_files import sql_directory

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "schemad"
PAGE = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
# Of these rooms the page tells the kinds of files only.
BY_KIND = {"cli", "bench"}


def test_every_file_of_a_room_is_named() -> None:
    rooms = PAGE.partition("```text")[2].partition("```")[0]
    named = set(re.findall(r"\w+", rooms))
    modules = [path.relative_to(SOURCE) for path in SOURCE.rglob("*.py") if path.name != "__init__.py"]
    assert len(modules) > 80
    missing = [str(m) for m in modules if m.parts[0] not in BY_KIND and m.stem not in named]
    assert missing == []


def test_every_file_on_the_way_of_a_request_is_there() -> None:
    way = PAGE.partition("file by file")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([\w/]+\.(?:py|sql))`", way))
    assert len(named) > 20
    there = {path.name for folder in (SOURCE, sql_directory()) for path in folder.rglob("*.*")}
    assert {name for name in named if Path(name).name not in there} == set()
    # With a folder it is a path: below the sources, or as it stands.
    paths = {name for name in named if "/" in name}
    assert {name for name in paths if not (SOURCE / name).exists() and not (ROOT / name).exists()} == set()


def test_every_room_says_what_it_is_for() -> None:
    texts = {
        path.parent.name: path.read_text(encoding="utf-8")
        for path in SOURCE.rglob("__init__.py")
        if path.parent != SOURCE
    }
    assert texts.keys() >= {"request", "policy", "ddl", "store", "checks", "observe", "daemon", "cli"}
    assert [room for room, text in texts.items() if not re.match(r'"""[A-Z][^\n]{30,}\."""\n', text)] == []
