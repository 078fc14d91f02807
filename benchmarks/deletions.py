"""`python -m benchmarks.deletions`: how long CREATE TABLE is slow after many files were deleted on the same disk.

ext4 without a journal leaves the inodes of deleted files alone for one minute, or for six where they are not
written out yet, and passes over them one by one whenever it makes a file (RECENTCY_MIN, RECENTCY_DIRTY and
recently_deleted() in fs/ext4/ialloc.c of Linux). The directory of one server is enough. A file system that does no
such thing has about the same figures from the second on. This deletes its own servers too: it goes on for as long.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from schemad.bench.databases import Databases
from schemad.bench.load import make_raw_anew
from schemad.embedded import EmbeddedPostgres
from schemad.settings import Settings


def rate(server: EmbeddedPostgres, tables: int) -> float:
    """Tables a second of raw CREATE TABLE, in a new database."""
    databases, settings = Databases(server.dsn(), lasting=False), Settings()
    return tables / asyncio.run(make_raw_anew(databases, settings.appliers, tables, settings.batch_size))


def rates(directory: Path, deleted: int, tables: int, figures: int, pause: float) -> Iterator[tuple[float, float]]:
    """Makes tables on one server, deletes it, and measures on another one.

    Args:
        directory: Where.
        deleted: How many databases the server has that is deleted.
        tables: How many each of them has, and how many are made for each figure; each is five files.
        figures: How many.
        pause: Seconds from the beginning of one figure to that of the next, at least.

    Yields:
        Seconds since the deletion, with tables a second.
    """
    with (
        tempfile.TemporaryDirectory(dir=directory) as gone,
        EmbeddedPostgres(Path(gone) / "data") as server,
    ):
        for _ in range(deleted):
            rate(server, tables)
    deleted_at = time.monotonic()
    with EmbeddedPostgres(directory / "data") as server:
        for number in range(figures):
            time.sleep(max(0.0, deleted_at + number * pause - time.monotonic()))
            yield time.monotonic() - deleted_at, rate(server, tables)


def main() -> None:
    """Measures, and prints a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deletions")
    parser.add_argument("--deleted", type=int, default=8, help="databases of the deleted server (default: 8)")
    parser.add_argument("--tables", type=int, default=500, help="tables in each, and for a figure (default: 500)")
    parser.add_argument("--figures", type=int, default=14, help="how many (default: 14)")
    parser.add_argument("--pause", type=float, default=30, help="seconds between two figures (default: 30)")
    options = parser.parse_args()
    shown = Table("seconds after many files were deleted", "raw CREATE TABLE, tables/s")
    for column in shown.columns:
        column.justify = "right"
    with tempfile.TemporaryDirectory(prefix="schemad-deletions-") as directory:
        for since, made in rates(Path(directory), options.deleted, options.tables, options.figures, options.pause):
            shown.add_row(f"{since:.0f}", f"{made:,.0f}")
    console = Console()
    console.print(shown)
    console.print(f"{os.cpu_count()} cores; {options.tables} tables for each figure", highlight=False)


if __name__ == "__main__":
    main()
