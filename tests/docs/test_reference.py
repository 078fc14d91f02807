"""The reference says what the code does: pages made from it are up to date, the others list what there is."""

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from schemad.ddl import decide
from schemad.observe.events import EVENTS
from schemad.policy import Policy, TableFacts
from schemad.request import Severity, defaults, shape
from schemad.request.types import KNOWN_TYPES
from schemad.settings import Settings
from schemad.store import Connection
from tests.docs.pages import ROOT, Block, each_block, pages
from tools.database_pages import pages_of_database
from tools.markdown import DIRECTORY
from tools.reference import pages_of_code

SQL = ROOT / "sql"
# A table that a payload without fields may be about.
THERE = TableFacts(relation="r", schema_id=1, version=1, owner_role="shop")
STALE = "is out of date: run .venv/bin/python -m tools.reference"


def read(name: str) -> str:
    return (DIRECTORY / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "text"), pages_of_code().items())
def test_pages_made_from_the_code_are_up_to_date(name: str, text: str) -> None:
    assert read(name) == text, f"docs/reference/{name} {STALE}"


async def test_pages_made_from_the_database_are_up_to_date(admin: Connection) -> None:
    for name, text in (await pages_of_database(admin)).items():
        assert read(name) == text, f"docs/reference/{name} {STALE}"


async def test_the_sql_api_is_what_people_call_and_the_rest_is_internal(admin: Connection) -> None:
    page = (await pages_of_database(admin))["sql-api.md"]
    shown, internal = page.split("\n## Internal\n")
    assert "Internal to" not in shown
    for name in (
        "set_policy",
        "set_rule_severity",
        "allow_type",
        "disallow_type",
        "protect_table",
        "unprotect_table",
    ):
        assert re.search(rf"schemad\.{name}\([^`]+```[^`]+Who may: owner\.$", shown, re.MULTILINE), name
    assert "\n## prune\n" in shown
    for name in ("table_facts", "apply_batch", "name_problem", "require_reason"):
        assert f"| `{name}` |" in internal


def test_arguments_of_verbs_are_named_as_their_help_names_them() -> None:
    page = pages_of_code()["cli.md"]
    for heading in ("allow-type TYPE", "disallow-type TYPE", "severity RULE SEVERITY"):
        assert f"\n### schemad policy {heading}\n" in page


def test_every_event_of_the_log_is_listed() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    logged = set(re.findall(r'(?:log\.[a-z]+\)?|\bsay)\((?:\s*#[^\n]*)?\s*"([a-z_]+\.[a-z_.]+)"', source))
    for part in re.findall(r'part="(\w+)"', source):
        logged |= {f"{part}.connected", f"{part}.lost"}
    assert {event.name for event in EVENTS} == logged


def test_every_error_at_submit_is_listed_with_its_sqlstate() -> None:
    raised = set()
    for path in sorted(SQL.rglob("*.sql")):
        raised |= {
            (code, rule)
            for rule, code in re.findall(r"\('(\w+\.\w+)', '(\w{5})'", path.read_text(encoding="utf-8"))
        }
    assert raised
    files = [SQL / "functions" / f"{name}.sql" for name in ("require_within_limits", "nth_requests")]
    limits = "\n".join(path.read_text(encoding="utf-8") for path in files)
    limited = {("53400", rule) for rule in re.findall(r"'(limit\.\w+)'", limits)}
    assert limited
    listed = set(re.findall(r"^\| `(\w{5})` \| `(\w+\.\w+)`", read("errors.md"), re.MULTILINE))
    # Two more are raised where they are found.
    assert listed == raised | limited | {("42501", "request.outcome_set"), ("23505", "request.key_reused")}


@pytest.mark.parametrize(
    ("heading", "model"),
    [
        ("## Of the table", "PayloadKeys"),
        ("## Of a field", "FieldKeys"),
        ("**`references`**", "ReferenceKeys"),
        ("## Of an index", "IndexKeys"),
    ],
)
def test_every_key_of_a_payload_is_listed(heading: str, model: str) -> None:
    section = re.split(r"\n## |\n\*\*`", read("payload.md").split(f"{heading}\n", 1)[1], maxsplit=1)[0]
    listed = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert listed
    assert set(listed) == set(getattr(shape, model).model_fields)


def test_every_type_is_listed_with_its_other_names() -> None:
    section = read("payload.md").split("## Types", 1)[1].split("\n## ", 1)[0]
    listed = {
        name: set(re.findall(r"`([^`]+)`", others))
        for name, others in re.findall(r"^\| `([^`]+)` \|([^|]*)\|", section, re.MULTILINE)
    }
    assert listed == {known.name: set(known.aliases) for known in KNOWN_TYPES.values()}


def test_every_generator_is_listed() -> None:
    section = read("payload.md").split("Generators are", 1)[1].split("\n\n", 1)[0].split("On a text", 1)[0]
    assert {g.lower() for g in re.findall(r"`([^`]+)`", section)} == set(defaults.GENERATORS)


@each_block("payloads")
def test_a_payload_that_is_shown_has_its_shape_and_can_be_approved(block: Block) -> None:
    Draft202012Validator(json.loads(read("payload.schema.json"))).validate(json.loads(block.text))
    is_there = TableFacts() if '"fields"' in block.text else THERE
    decision = decide("shown", block.text, Policy(), is_there, requested_by="shop")
    assert not [f for f in decision.findings if f.severity is Severity.REFUSE]


def test_variables_that_pages_name_are_read_somewhere() -> None:
    others = {"SCHEMAD_ENV_FILE", "SCHEMAD_PG_BIN", "SCHEMAD_TEST_DSN"}
    others |= set(re.findall(r"\$\{(SCHEMAD_\w+)", (ROOT / "compose.yaml").read_text(encoding="utf-8")))
    known = {f"SCHEMAD_{name.upper()}" for name in Settings.model_fields} | others
    for page in pages():
        named = set(re.findall(r"SCHEMAD_[A-Z_]+[A-Z]", page.read_text(encoding="utf-8")))
        assert named <= known, page


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        linked = page.parent / name if name else page
        assert linked.exists(), f"{page.relative_to(ROOT)} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}, target


def test_the_index_names_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    linked = {(ROOT / "docs" / target).resolve() for target in re.findall(r"\]\(([^)]+\.md)\)", index)}
    assert linked == {page.resolve() for page in (ROOT / "docs").rglob("*.md")} - {ROOT / "docs" / "README.md"}


def test_the_readme_names_the_test_command() -> None:
    assert "`make test`" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "\ntest:" in (ROOT / "Makefile").read_text(encoding="utf-8")
