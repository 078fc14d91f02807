"""A PostgreSQL server run as a child process, for `schemad dev` and for tests without Docker."""

from schemad.embedded.binaries import (
    Binaries,
    BinariesNotFound,
    EmbeddedPostgresError,
    find_binaries,
    find_psql,
    installed_majors,
)
from schemad.embedded.data_directory import AlreadyRunning
from schemad.embedded.server import EmbeddedPostgres

__all__ = [
    "AlreadyRunning",
    "Binaries",
    "BinariesNotFound",
    "EmbeddedPostgres",
    "EmbeddedPostgresError",
    "find_binaries",
    "find_psql",
    "installed_majors",
]
