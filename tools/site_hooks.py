"""What mkdocs does to pages of docs/ on their way to the site; mkdocs.yml names this file.

The pages are written for whoever reads them in a checkout, and for the tests that run them.
"""

import re
from pathlib import Path
from typing import Any

INDEX = "README.md"
# The words after a fence's language tell the tests how a block is run; one with a dot is the name of a file.
_FENCE = re.compile(r"^(?P<fence>```)(?P<language>\w+) (?P<words>.+)$", re.MULTILINE)
_LINE = re.compile(r"^## (?P<section>[\w-]+)|^- \[(?P<title>[^\]]+)\]\((?P<page>[^)#]+\.md)\)", re.MULTILINE)


def on_config(config: Any) -> Any:
    """Makes the navigation of the index, so that a page is listed in one place."""
    index = (Path(config.docs_dir) / INDEX).read_text(encoding="utf-8")
    config.nav = navigation(index)
    return config


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Leaves of each fence what a reader wants."""
    return _FENCE.sub(_shown, markdown)


def navigation(index: str) -> list[dict[str, Any]]:
    """The pages that an index lists, by its sections, as mkdocs wants them in `nav`."""
    nav: list[dict[str, Any]] = [{"Home": INDEX}]
    for match in _LINE.finditer(index):
        if section := match["section"]:
            nav.append({section: []})
        else:
            (pages,) = nav[-1].values()
            pages.append({match["title"]: match["page"]})
    return nav


def _shown(fence: re.Match[str]) -> str:
    name = next((word for word in fence["words"].split() if "." in word), None)
    language = fence["fence"] + fence["language"]
    return language if name is None else f'{language} title="{name}"'
