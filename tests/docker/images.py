"""The images that the Dockerfile and compose.yaml start from, as these name them."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
POSTGRES_MAJOR = 16


def python_image() -> str:
    """The image of the Dockerfile's stages."""
    return _named(ROOT / "Dockerfile", r"^ARG PYTHON_IMAGE=(\S+)$")


def postgres_image() -> str:
    """The image of compose.yaml's PostgreSQL."""
    return _named(ROOT / "compose.yaml", rf"^\s+image: (postgres:{POSTGRES_MAJOR}\S*)$")


def _named(file: Path, pattern: str) -> str:
    found = re.search(pattern, file.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise LookupError(f"{file.name} has no line like {pattern}")
    return found[1]
