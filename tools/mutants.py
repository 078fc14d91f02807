"""Tells what the tests of the core hold: mutates its functions, runs tests/unit on each mutant, and reports.

Run it from the checkout: python -m tools.mutants [--max-children N] [--all]

A mutant is the code with one small change, such as < for <=. Where a test fails, it is killed; where none does,
the tests don't hold what the change broke, or it broke nothing: those are listed, each with the reason, in
tests/unit/equivalent_mutants.toml. mutmut keeps results in mutants/, so that only what is not killed yet is tried
again; --all has everything tried. It prints the score of each part and each mutant that survived for no known
reason, and exits with 1 if fewer than 85 in 100 are killed.
"""

import argparse
import shutil
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files
from mutmut.utils.format_utils import get_module_from_key, orig_function_and_class_names_from_key

ROOT = Path(__file__).resolve().parents[1]
EQUIVALENT = ROOT / "tests" / "unit" / "equivalent_mutants.toml"
LEAST_SCORE = 85.0  # percent
# What ended a mutant: a failed test, or one that went on for ever.
_KILLED = frozenset({"killed", "timeout"})


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one function, and what became of it.

    Attributes:
        name: What mutmut calls it.
        path: The file that it is of.
        status: In mutmut's words: killed, survived, timeout, no tests and so on.
    """

    name: str
    path: Path
    status: str

    @property
    def is_killed(self) -> bool:
        """Whether the tests noticed it."""
        return self.status in _KILLED

    @property
    def part(self) -> str:
        """The part of the core that it is in: request, policy or ddl."""
        return self.path.parent.name

    @property
    def function(self) -> str:
        """The function that it is of, such as request.names.fold."""
        name, owner = orig_function_and_class_names_from_key(self.name)
        module = get_module_from_key(self.name).removeprefix("schemad.")
        return ".".join(filter(None, (module, owner, name)))

    def change(self) -> tuple[str, str]:
        """The lines that it replaces, and those that it puts in their place, each as one line.

        Where it puts nothing there, the second is "without" and the first.
        """
        lines = get_diff_for_mutant(self.name, path=self.path).splitlines()[2:]
        old, new = (" ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+")
        return old, new or f"without {old}"


def results() -> list[Mutant]:
    """The mutants, with what became of each when it was tried last."""
    return [
        Mutant(name, Path(data.path), status_by_exit_code[code])
        for data in map(_loaded, walk_mutatable_files())
        for name, code in data.exit_code_by_key.items()
    ]


def _loaded(path: Path) -> SourceFileMutationData:
    data = SourceFileMutationData(path=path)
    data.load()
    return data


def equivalents() -> dict[tuple[str, str], str]:
    """Why a mutant changes nothing that could be told, by its function and what it puts in place."""
    groups = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8")).get("equivalent", [])
    return {
        (function, new): group["why"]
        for group in groups
        for function, lines in group["mutants"].items()
        for new in lines
    }


def report(mutants: list[Mutant], reasons: dict[tuple[str, str], str]) -> Iterator[str]:
    """The report's lines: survivors without a reason, reasons with their numbers, and the scores."""
    explained: Counter[str] = Counter()
    told = set()
    by_function: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        if not mutant.is_killed:
            by_function[mutant.function].append(mutant)
    for function, left in by_function.items():
        for mutant in left:
            old, new = mutant.change()
            if reason := reasons.get((function, new)):
                told.add((function, new))
                explained[reason] += 1
            else:
                yield f"{mutant.status}: {mutant.name}\n  - {old}\n  + {new}"
    for reason, count in explained.most_common():
        yield f"{count:5} change nothing: {reason}"
    for function, new in sorted(reasons.keys() - told):
        yield f"      is killed, or no mutant any more: {function}: {new}"
    for part in ("request", "policy", "ddl"):
        yield f"{part}: {_score([m for m in mutants if m.part == part])}"
    yield f"mutation score: {_score(mutants)}, {explained.total()} of the others change nothing"


def _score(mutants: list[Mutant]) -> str:
    killed = sum(m.is_killed for m in mutants)
    return f"{_percent(mutants):.1f} % ({killed:,} of {len(mutants):,} mutants killed)"


def _percent(mutants: list[Mutant]) -> float:
    return 100 * sum(m.is_killed for m in mutants) / len(mutants)


def main() -> int:
    """Mutates, tests and reports; the exit status."""
    parser = argparse.ArgumentParser(description="Tell what the tests of the core hold, by mutants.")
    parser.add_argument("--max-children", type=int, default=2, help="how many mutants are tried at once")
    parser.add_argument("--all", action="store_true", help="try all of them, not only those not killed yet")
    arguments = parser.parse_args()
    directory = ROOT / "mutants"
    if arguments.all:
        shutil.rmtree(directory, ignore_errors=True)
    elif directory.is_dir():
        # Which tests run a function is remembered by their names, and out of date where one was edited.
        (directory / "mutmut-stats.json").unlink(missing_ok=True)
        _forget_survivors()
    mutmut = [str(Path(sys.executable).with_name("mutmut")), "run", "--max-children", str(arguments.max_children)]
    if subprocess.run(mutmut, cwd=ROOT, check=False).returncode:
        return 1
    mutants = results()
    print(*report(mutants, equivalents()), sep="\n")
    return 0 if _percent(mutants) >= LEAST_SCORE else 1


def _forget_survivors() -> None:
    """Has mutmut try them again: it doesn't by itself when only tests changed."""
    for path in walk_mutatable_files():
        data = _loaded(path)
        data.exit_code_by_key = {
            name: code if status_by_exit_code[code] in _KILLED else None
            for name, code in data.exit_code_by_key.items()
        }
        if data.exit_code_by_key:
            data.save()


if __name__ == "__main__":
    sys.exit(main())
