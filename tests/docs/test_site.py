"""The site: it is built strictly, has every page, and asks nobody else for anything."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tools.site_hooks import navigation, on_page_markdown

PATIENCE = 120.0
# What a browser fetches by itself, by the attribute that says where; a link waits for a reader.
FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href", "form": "action"}
DOCS = ROOT / "docs"


class Fetches(HTMLParser):
    """The addresses that a page has a browser ask for."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        value = dict(attrs).get(FETCHED.get(tag, ""))
        if value:
            self.found.append(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it."""
    directory = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(directory)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert built.returncode == 0, built.stdout + built.stderr
    assert not built.stdout + built.stderr
    return directory


def test_every_page_of_the_documentation_is_in_the_site_and_in_its_navigation(site: Path) -> None:
    home = (site / "index.html").read_text(encoding="utf-8")
    for page in DOCS.rglob("*.md"):
        built = page.relative_to(DOCS).with_suffix(".html")
        if page != DOCS / "README.md":
            assert (site / built).exists()
            assert f'href="{built}" class="md-nav__link"' in home, built


def test_the_site_asks_nobody_else_for_anything(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert 'class="mermaid"' not in text  # the theme would fetch what draws it
        asked = Fetches(text).found
        assert asked
        assert not [address for address in asked if re.match(r"(\w+:)?//", address)], page.name
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import )[\"']?(\w+:)?//", sheet.read_text(encoding="utf-8")), sheet.name


def test_the_search_knows_what_pages_say(site: Path) -> None:
    index = (site / "search" / "search_index.json").read_text(encoding="utf-8")
    assert "how-to/review-requests.html" in index
    assert "plan_digest" in index


def test_every_code_block_is_shown_as_one(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = re.sub(r"<(pre|code)\b.*?</\1>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert "```" not in text, page.name


def test_the_navigation_has_the_sections_and_pages_of_the_index_in_their_order() -> None:
    index = "## How-to: do\n\n- [Install](how-to/install.md): it.\n\n## Reference: see\n\n- [A](r/a.md): b.\n"
    assert navigation(index) == [
        {"Home": "README.md"},
        {"How-to": [{"Install": "how-to/install.md"}]},
        {"Reference": [{"A": "r/a.md"}]},
    ]


def test_fences_lose_what_is_for_the_tests_alone() -> None:
    page = "```sql as=shop fails\nSELECT 1\n```\n\n```python ask.py\n1\n```\n\n```text\n1\n```\n"
    shown = '```sql\nSELECT 1\n```\n\n```python title="ask.py"\n1\n```\n\n```text\n1\n```\n'
    assert on_page_markdown(page) == shown
