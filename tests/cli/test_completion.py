"""Completion: what shells offer, in the shells themselves, and that it costs little."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from schemad.cli.completion import Shell, script
from tests.cli.program import PATIENCE, PROGRAM, Run, environment, schemad
from tests.docs.pages import Block, each_block

# A line as far as it was typed, and what is offered for its last word.
OFFERED = {
    "schemad re": ["reject", "retry"],
    "schemad list --status ": ["pending", "approved", "rejected", "cancelled"],
    "schemad list --st": ["--status"],
    "schemad policy un": ["unprotect"],
    "schemad policy set keep_": ["keep_logs", "keep_delivered", "keep_undelivered", "keep_requests"],
    "schemad policy severity limit.fields ": ["refuse", "review", "warn", "default"],
    "schemad policy severity limit.f": ["limit.fields"],
    "schemad bench la": ["latency"],
    "schemad completion ": ["bash", "zsh", "fish"],
}
# A file may be meant, which is the shell's to know.
FOR_FILES = "schemad submit "

BASH = """
set -u
eval "$(schemad completion bash)"
read -r -a COMP_WORDS <<< "$1"
[[ $1 != *" " ]] || COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_schemad schemad
printf '%s\\n' "${COMPREPLY[@]+"${COMPREPLY[@]}"}"
"""
# What compsys would do with what it is handed is zsh's own.
ZSH = """
compdef() { : }
_files() { print -r -- '"(files)"' }
_arguments() { print -r -- "$@" }
eval "$(schemad completion zsh)"
words=(${=1})
[[ $1 != *" " ]] || words+=("")
CURRENT=${#words}
_schemad
"""
FISH = 'schemad completion fish | source; complete -C "$argv[1]"'


@pytest.fixture
def path(tmp_path: Path) -> str:
    """PATH with the program on it."""
    program = tmp_path / "schemad"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{PROGRAM[2]}" "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return f"{tmp_path}:{environment()['PATH']}"


def in_shell(command: list[str], path: str, tmp_path: Path) -> Run:
    done = subprocess.run(
        command,
        env=environment(PATH=path, HOME=str(tmp_path), XDG_CONFIG_HOME=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        stdin=subprocess.DEVNULL,
    )
    assert "Traceback" not in done.stderr
    return Run(done.returncode, done.stdout, done.stderr)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize("line", OFFERED)
def test_bash_offers_verbs_options_and_values(line: str, path: str, tmp_path: Path) -> None:
    run = in_shell(["bash", "--norc", "-c", BASH, "bash", line], path, tmp_path)
    assert (run.out.splitlines(), run.err) == (OFFERED[line], "")


@each_block("completion")
def test_the_lines_that_a_page_shows_are_those_that_shells_are_told_with_here(block: Block) -> None:
    lines = [line.partition("#")[0].strip() for line in block.text.splitlines()]
    assert len(lines) == len(Shell)
    for line, shell in zip(lines, Shell, strict=True):
        assert line in {Shell.BASH: BASH, Shell.ZSH: ZSH, Shell.FISH: FISH}[shell]
        assert script(shell).count(line) == 1  # its own head says it, too


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_is_left_to_look_for_files(path: str, tmp_path: Path) -> None:
    run = in_shell(["bash", "--norc", "-c", BASH, "bash", FOR_FILES], path, tmp_path)
    assert (run.out.strip(), run.err) == ("", "")


@pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh")
@pytest.mark.parametrize("line", [*OFFERED, FOR_FILES])
def test_zsh_offers_the_same(line: str, path: str, tmp_path: Path) -> None:
    run = in_shell(["zsh", "-f", "-c", ZSH, "zsh", line], path, tmp_path)
    words = re.findall(r'"([^"]*)"(?::"[^"]*")?', run.out)
    assert (words, run.err) == (OFFERED.get(line, ["(files)"]), "")


@pytest.mark.skipif(shutil.which("fish") is None, reason="there is no fish")
@pytest.mark.parametrize("line", OFFERED)
def test_fish_offers_the_same(line: str, path: str, tmp_path: Path) -> None:
    run = in_shell(["fish", "-c", FISH, line], path, tmp_path)
    assert [each.partition("\t")[0] for each in run.out.splitlines()] == OFFERED[line], run.err


def test_a_shell_that_is_not_known_is_refused_with_those_that_are() -> None:
    run = schemad("completion", "tcsh")
    assert (run.code, run.out) == (2, "")
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in run.err


def loaded_by(code: str) -> set[str]:
    """The modules that a Python has in memory once it has run this."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )
    return set(done.stdout.split("\n")[-2].split())


def test_help_and_verbs_are_told_without_loading_what_verbs_need() -> None:
    loaded = loaded_by(
        "from schemad.cli.app import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass"
    )
    assert "schemad.cli.app" in loaded
    assert {"asyncpg", "pydantic", "postgast", "rich", "schemad.store"}.isdisjoint(loaded)


@pytest.mark.parametrize(
    ("verb", "needless"),
    [
        # What draws on a terminal would stay in memory for as long as the daemon runs.
        ("run", {"rich", "pygments"}),
        # Whoever runs it waits for what it loads.
        ("list", {"postgast", "rich.progress", "schemad.daemon"}),
    ],
)
def test_a_verb_loads_no_more_than_it_needs(verb: str, needless: set[str]) -> None:
    # What tells of an error is loaded once there is one, and then no more than the verb either.
    loaded = loaded_by(f"from schemad.cli.app import program\nprogram({verb!r})\nimport schemad.cli.failure")
    assert "schemad.store" in loaded
    assert loaded.isdisjoint(needless)
