"""Fixtures of the command line's tests."""

import itertools
import os
from collections.abc import AsyncIterator

import pytest

from schemad.store import Connection

_numbers = itertools.count(1)


@pytest.fixture
async def login(admin: Connection) -> AsyncIterator[str]:
    """A login of the test's own, as roles belong to the whole server."""
    name = f"cli_{os.getpid()}_{next(_numbers)}"
    await admin.execute(f"CREATE ROLE {name} LOGIN")
    yield name
    await admin.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")
