"""Pages of the documentation as code blocks, and the convention by which they are run.

The first word after the fence is the language, the others say how the block is run:

- sql, sql as=LOGIN: run by psql, as a superuser or as that login.
- console: lines with `$ ` are commands, run by one shell; the others are what they print.
- python, js, json, with a file name: saved under it, for the commands that follow. python without one: run.
- fails: it must end with an error.
- text after sql or python: what that prints.
- by=NAME: run or looked at by the test of that name, and with step=NAME by that step of it. Every block that is
  not among those above has one: tests/docs/test_every_block.py lists the names.

What is printed is compared by line: each line shown has to be there, in this order, white space aside. `…` stands
for anything, and so does a number of milliseconds.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```(?P<info>\S.*)\n(?P<text>(?:.*\n)*?)^```$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block, with its place for messages."""

    place: str
    language: str
    words: tuple[str, ...]
    text: str
    shown: tuple[str, ...] = ()

    @property
    def fails(self) -> bool:
        """Whether it must end with an error."""
        return "fails" in self.words

    @property
    def login(self) -> str | None:
        """Who runs it; None: a superuser."""
        return next((w.removeprefix("as=") for w in self.words if w.startswith("as=")), None)

    @property
    def runner(self) -> str | None:
        """Which test runs it; None: whoever runs the page, in the order of its blocks."""
        return next((w.removeprefix("by=") for w in self.words if w.startswith("by=")), None)

    @property
    def step(self) -> str | None:
        """Which step of that test runs it, where that has steps."""
        return next((w.removeprefix("step=") for w in self.words if w.startswith("step=")), None)

    @property
    def file_name(self) -> str | None:
        """The name under which it is saved."""
        return next((w for w in self.words if "." in w), None)


def pages() -> list[Path]:
    """Every page that readers see."""
    return [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "CHANGELOG.md",
        ROOT / "examples" / "README.md",
        *sorted((ROOT / "docs").rglob("*.md")),
    ]


def blocks(page: Path) -> list[Block]:
    """The blocks of a page in order, each with the text that is shown as its output."""
    found: list[Block] = []
    text = page.read_text(encoding="utf-8")
    for match in _BLOCK.finditer(text):
        language, *words = match["info"].split()
        place = f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}"
        lines = tuple(match["text"].splitlines())
        if language == "text" and not words and found and found[-1].language in {"sql", "python"}:
            before = found.pop()
            found.append(Block(before.place, before.language, before.words, before.text, lines))
        else:
            found.append(Block(place, language, tuple(words), match["text"]))
    return found


def shown_by(runner: str, page: Path | None = None) -> list[Block]:
    """The blocks that a test says it runs, of one page or of all."""
    return [block for each in ([page] if page else pages()) for block in blocks(each) if block.runner == runner]


def each_block(runner: str) -> pytest.MarkDecorator:
    """Has a test take each of the blocks that are its own, as `block`."""
    own = shown_by(runner)
    return pytest.mark.parametrize("block", own, ids=[block.place for block in own])


def commands(block: Block) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The commands of a console block, each with the lines that it is shown to print."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        while command.endswith("\\"):
            further, _, shown = shown.partition("\n")
            command += "\n" + further
        yield command, tuple(shown.splitlines())


def missing_line(shown: tuple[str, ...], printed: str) -> str | None:
    """The first line that is shown but was not printed after the lines before it; None where all were."""
    lines = iter([_squeeze(line) for line in printed.splitlines()])
    for line in shown:
        pattern = re.compile(_pattern(_squeeze(line)))
        if line.strip() and not any(pattern.fullmatch(each) for each in lines):
            return line
    return None


def _squeeze(line: str) -> str:
    return " ".join(line.split())


def _pattern(line: str) -> str:
    """A shown line as a regular expression; a rule of dashes, as psql draws it, may be of any length."""
    if set(line) <= set("-+ "):
        return "[-+ ]*"
    return re.sub(r"\d+(\\\.\d+)?\\ ms", r"[\\d.]+ ms", re.escape(line)).replace("…", ".*")
