"""Checks that need no server."""

from schemad.store.checks.server import check_version


def test_versions_are_told_as_postgresql_numbers_them_and_old_ones_are_to_be_upgraded() -> None:
    assert (check_version(180_004).found, check_version(180_004).mend) == ("PostgreSQL 18.4", "")
    assert check_version(150_000).passed
    old = check_version(140_023)
    assert (old.found, old.mend) == ("PostgreSQL 14.23", "upgrade to PostgreSQL 15 or newer")
