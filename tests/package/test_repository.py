"""What the repository says of versions and of what it is installed from."""

import re
from pathlib import Path

import pytest

import schemad

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-run.lock", "requirements-build.lock"])
def test_a_lock_file_names_no_host_and_has_a_hash_for_everything(name: str) -> None:
    lock = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in lock
    assert not re.search(r"^\s*-", re.sub(r"^    --hash=", "", lock, flags=re.MULTILINE), re.MULTILINE)
    entries = re.split(r"\n(?=[a-z0-9])", lock.strip())
    assert len(entries) > 5
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+==", entry), entry
        assert "--hash=sha256:" in entry, entry


def test_the_changelog_has_a_section_for_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[?v?{re.escape(schemad.__version__)}\]?\b", changelog, re.MULTILINE)
