"""Fixtures: a database without schemad, and another version of it to install."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from schemad.store import Connection, sql_files
from tests.support.databases import Database


@pytest.fixture
async def empty(empty_database: Database) -> AsyncIterator[Connection]:
    """A superuser's connection to a database without schemad."""
    async with empty_database.connection() as connection:
        yield connection


@pytest.fixture
def sql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of sql/ that schemad reads instead: another version of it, once it is edited."""
    copy = tmp_path / "sql"
    shutil.copytree(sql_files.sql_directory(), copy)
    monkeypatch.setattr(sql_files, "sql_directory", lambda: copy)
    return copy
