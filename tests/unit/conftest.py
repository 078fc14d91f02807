"""The pure core's tests: no database, and properties tried on many values."""

import pytest
from hypothesis import settings

from schemad.request import expressions, types

# A slow machine is no failure, and what failed is printed as it can be tried again: nothing is left behind.
settings.register_profile("core", deadline=None, database=None, print_blob=True)
# For the mutants of `make quality`: some thousand runs, each of which tries the same few values.
settings.register_profile("mutants", parent=settings.get_profile("core"), max_examples=20, derandomize=True)
settings.load_profile("core")


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> None:
    """What a test has read is read anew, not remembered from another test."""
    expressions._remembered.cache_clear()
    types._read_built_in.cache_clear()
