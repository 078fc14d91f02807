"""Every code block of every page is run by a test, or is what one prints: a block of any other kind fails here.

tests/docs/pages.py tells how a block says which it is. Some need a machine or an engine: `make test-systemd` and
`make test-docker` run them; these take the text from the page as well, and fail where they left a block out.
"""

import re
from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from tests.cli import test_completion
from tests.docker.page import STEPS as DOCKER_STEPS
from tests.docs import test_claims, test_commands, test_operations, test_reference
from tests.docs.pages import ROOT, Block, blocks, pages, shown_by
from tests.package import test_deploy, test_units
from tests.systemd.steps import STEPS as SYSTEMD_STEPS

# What the test of a page runs, in the order of the page; so a file that is saved is there for what comes after it.
RUN_WITH_ITS_PAGE = {"sql", "console", "python"}
# The tests that take each block with their name.
RUNNERS: dict[str, Callable[..., object]] = {
    "bench": test_commands.test_each_line_measures_what_it_says,
    "completion": test_completion.test_the_lines_that_a_page_shows_are_those_that_shells_are_told_with_here,
    "examples": test_commands.test_an_example_is_run_as_its_page_says,
    "make": test_commands.test_make_has_what_it_is_asked_for,
    "message": test_claims.test_the_message_that_tells_a_decision_is_as_shown,
    "no-roles": test_commands.test_without_roles_nobody_is_given_anything,
    "payloads": test_reference.test_a_payload_that_is_shown_has_its_shape_and_can_be_approved,
    "pip": test_commands.test_pip_finds_the_program_and_each_extra,
    "probe": test_claims.test_what_a_probe_answers_is_as_shown,
    "prometheus": test_deploy.test_prometheus_is_told_where_the_page_has_the_daemon_tell,
    "reference": test_commands.test_the_reference_is_written_as_a_contributor_is_told,
    "run": test_commands.test_a_daemon_runs_as_a_page_starts_it,
    "stand-ins": test_commands.test_stand_ins_are_made_of_the_python_that_is_named,
    "tree": test_claims.test_the_rooms_of_the_code_are_as_shown,
    "units": test_units.test_what_a_reader_adds_to_a_unit_is_understood,
}
# The tests that take what is theirs on some pages at once, and these pages.
OF_WHOLE_PAGES: dict[str, tuple[Callable[..., object], set[str]]] = {
    "dev": (
        test_commands.test_the_quick_start_brings_a_server_with_a_daemon_and_the_lines_that_lead_to_it,
        {"README.md", "first-table.md"},
    ),
    "operations": (
        test_operations.test_without_a_superuser_it_is_installed_used_and_taken_away,
        {"install-on-managed-postgresql.md", "upgrade.md", "uninstall.md"},
    ),
    "backup": (
        test_operations.test_a_restored_backup_has_what_was_made_and_decides_what_waited,
        {"back-up-and-restore.md"},
    ),
    "reference-pages": (test_reference.test_pages_made_from_the_database_are_up_to_date, {"sql-api.md"}),
}
# What has a make target of its own, and its steps.
TARGETS: dict[str, Collection[str]] = {
    "docker": DOCKER_STEPS,
    "systemd": {name for name, _ in SYSTEMD_STEPS},
}
ALL_PAGES = pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))


@ALL_PAGES
def test_every_block_is_run_by_a_test_or_is_what_one_prints(page: Path) -> None:
    found = blocks(page)
    for number, block in enumerate(found):
        if block.runner is not None:
            assert block.runner in RUNNERS.keys() | OF_WHOLE_PAGES.keys() | TARGETS.keys(), block.place
        elif block.file_name:
            assert is_used(block.file_name, found[number + 1 :]), f"{block.place}: nothing runs {block.file_name}"
        else:
            assert block.language in RUN_WITH_ITS_PAGE, (
                f"{block.place}: say who runs it, as tests/docs/pages.py tells"
            )


def is_used(file_name: str, later: list[Block]) -> bool:
    """Whether one of the blocks after a file's runs it, or a file that imports it."""
    module = f"from {Path(file_name).stem} import "
    return any(
        (block.language == "console" and file_name in block.text)
        or (block.language == "python" and module in block.text)
        for block in later
    )


@ALL_PAGES
def test_no_code_is_shown_otherwise_than_as_a_block_that_is_seen(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    fences = re.findall(r"^\s*(?:```|~~~).*$", text, re.MULTILINE)
    seen = sum(1 + bool(block.shown) for block in blocks(page))
    assert len(fences) == 2 * seen, f"of {len(fences) / 2:g} blocks {seen} are understood"
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert not re.findall(r"^(?: {4,}|\t).*$", outside, re.MULTILINE)  # which Markdown shows as code, too


@pytest.mark.parametrize(("name", "test"), RUNNERS.items(), ids=RUNNERS)
def test_a_test_takes_every_block_that_names_it(name: str, test: Callable[..., object]) -> None:
    marks: list[pytest.Mark] = getattr(test, "pytestmark", [])
    (taken,) = [mark.args[1] for mark in marks if mark.name == "parametrize" and mark.args[0] == "block"]
    named = shown_by(name)
    assert named
    assert {block.place for block in named} <= {block.place for block in taken}


@pytest.mark.parametrize("name", OF_WHOLE_PAGES)
def test_a_test_takes_every_page_that_has_a_block_for_it(name: str) -> None:
    _, its_pages = OF_WHOLE_PAGES[name]
    assert {Path(block.place.partition(":")[0]).name for block in shown_by(name)} == its_pages


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_has_every_step_that_a_block_names(name: str) -> None:
    named = shown_by(name)
    assert named
    for block in named:
        assert block.step in TARGETS[name], block.place
    assert f"\ntest-{name}: " in (ROOT / "Makefile").read_text(encoding="utf-8")
