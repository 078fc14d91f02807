"""SQL files: where they are, in a wheel and in a checkout."""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

_PACKAGE = Path(str(files("schemad")))
# In an order in which each can stand on those before it.
_REAPPLIED = ("functions", "triggers", "views")
_ROLES = "roles"


@dataclass(frozen=True, slots=True)
class SqlFile:
    """One file of SQL. `name` is its path below sql/."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hexadecimal."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


@cache
def query(name: str) -> str:
    """The text of a query of the store, `queries/<name>.sql`."""
    return (_PACKAGE / "store" / "queries" / f"{name}.sql").read_text(encoding="utf-8")


def sql_directory() -> Path:
    """The directory sql/: within an installed package, or at the top of a checkout."""
    installed = _PACKAGE / "sql"
    return installed if installed.is_dir() else _PACKAGE.parents[1] / "sql"


def migrations() -> list[SqlFile]:
    """The numbered migrations, in order."""
    return _files("migrations")


def reapplied() -> list[SqlFile]:
    """Functions, triggers and views, in an order in which they can be applied."""
    return [file for folder in _REAPPLIED for file in _files(folder)]


def roles() -> list[SqlFile]:
    """Roles, grants and row security."""
    return _files(_ROLES)


def _files(folder: str) -> list[SqlFile]:
    found = sorted((sql_directory() / folder).glob("*.sql"))
    if not found:
        raise FileNotFoundError(f"no SQL files in {sql_directory() / folder}")
    return [SqlFile(f"{folder}/{path.name}", path.read_text(encoding="utf-8")) for path in found]
