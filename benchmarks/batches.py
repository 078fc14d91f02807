"""`python -m benchmarks.batches`: how many requests a transaction is to have.

A commit tells every other session, by messages, what it changed in the catalog. They go through a queue that holds
4,096 (MAXNUMMESSAGES in PostgreSQL's sinvaladt.c), and who commits has its own to read there too. A session that
has fallen behind by more than that drops its caches and plans. So beside the rates stands how many messages the
largest commit was, and how often the sessions that read and apply dropped theirs; both from a run of its own.
"""

import argparse
import asyncio
import math
import os
import re
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from schemad.bench.contenders import schemad
from schemad.bench.databases import Databases, database_name, session
from schemad.bench.load import in_turns, make_raw_anew, warm_up, work_off
from schemad.ddl.render import identifier
from schemad.embedded import EmbeddedPostgres
from schemad.settings import Settings
from schemad.store import Connection

SIZES = (10, 20, 25, 30, 40, 50, 200)
# What the server's log has of a session that drops its caches.
DROPPED = re.compile(rb"^schemad (?:worker|applier)\b.*DEBUG:  cache state reset", re.MULTILINE)
MESSAGE = re.compile(rb"\b(?:catcache|relcache|relsync|snapshot) \d+")


async def ours(databases: Databases, size: int, tables: int) -> float:
    """Tables a second of a backlog with so many in each transaction."""
    dsn = await databases.new()
    async with schemad(dsn, SCHEMAD_BATCH_SIZE=str(size)), session(dsn) as connection:
        await warm_up(connection)
        return tables / await work_off(connection, "backlog", tables)


async def raw(databases: Databases, size: int, tables: int) -> float:
    """Tables a second of bare CREATE TABLE, with so many in each transaction."""
    return tables / await make_raw_anew(databases, Settings().appliers, tables, size)


async def told(server: EmbeddedPostgres, size: int, tables: int) -> tuple[int, int]:
    """Of a backlog with so many in each transaction.

    Returns:
        How many messages its largest commit was, and how often a session dropped its caches.
    """
    dsn = await Databases(server.dsn(), lasting=False).new()
    async with session(dsn) as connection:
        # "cache state reset" is of that level.
        await connection.execute(f"ALTER DATABASE {identifier(database_name(dsn))} SET log_min_messages = debug4")
        async with schemad(dsn, SCHEMAD_BATCH_SIZE=str(size)):
            await warm_up(connection)
            begin, length = await position(connection), server.log_path.stat().st_size
            await work_off(connection, "backlog", tables)
            messages = await largest_commit(server, begin, await position(connection))
    with server.log_path.open("rb") as log:
        log.seek(length)
        return messages, len(DROPPED.findall(log.read()))


async def position(connection: Connection) -> str:
    """How far the write-ahead log is written."""
    await connection.execute("SELECT pg_logical_emit_message(true, 'schemad', '')")
    place: str = await connection.fetchval("SELECT pg_current_wal_flush_lsn()::text")
    return place


async def largest_commit(server: EmbeddedPostgres, begin: str, end: str) -> int:
    """How many messages the commit with most of them is, between two positions of the write-ahead log."""
    log = server.log_path.parent / "pg_wal"
    arguments = (f"--path={log}", "--rmgr=Transaction", f"--start={begin}", f"--end={end}")
    program = await asyncio.create_subprocess_exec(
        server.binaries.bin_dir / "pg_waldump", *arguments, stdout=asyncio.subprocess.PIPE
    )
    records, _ = await program.communicate()
    if program.returncode:
        raise SystemExit(f"pg_waldump ended with {program.returncode}")
    return max(len(MESSAGE.findall(record)) for record in records.splitlines())


async def measure(server: EmbeddedPostgres, sizes: Sequence[int], repetitions: int, tables: int) -> Table:
    """A row for each size."""
    databases = Databases(server.dsn(), lasting=False)
    made: dict[int, list[float]] = defaultdict(list)
    bare: dict[int, list[float]] = defaultdict(list)
    for _, turn in in_turns(repetitions, [str(size) for size in sizes]):
        size = int(turn)
        made[size].append(await ours(databases, size, tables))
        bare[size].append(await raw(databases, size, tables))
    shown = Table(
        "in a transaction",
        "schemad, tables/s",
        "raw CREATE TABLE",
        "ratio",
        "messages",
        "caches dropped for each",
    )
    for column in shown.columns:
        column.justify = "right"
    for size in sizes:
        messages, dropped = await told(server, size, tables)
        ratio = statistics.median(rate / floor for rate, floor in zip(made[size], bare[size], strict=True))
        shown.add_row(
            str(size),
            f"{statistics.median(made[size]):.0f}",
            f"{statistics.median(bare[size]):.0f}",
            f"{ratio:.2f}",
            f"{messages:,}",
            f"{dropped / math.ceil(tables / size):.1f}",
        )
    return shown


def main() -> None:
    """Measures, and prints a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batches")
    parser.add_argument("--repetitions", type=int, default=5, help="how often (default: 5)")
    parser.add_argument("--tables", type=int, default=1_000, help="requests in a backlog (default: 1000)")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="requests in a transaction")
    options = parser.parse_args()
    settings = {"max_connections": "100", "log_line_prefix": "%a "}
    with (
        tempfile.TemporaryDirectory(prefix="schemad-batches-") as directory,
        EmbeddedPostgres(Path(directory) / "data", settings=settings) as server,
    ):
        shown = asyncio.run(measure(server, options.sizes, options.repetitions, options.tables))
        console = Console(width=110)
        console.print(shown)
        console.print(
            f"PostgreSQL {server.binaries.major}, {os.cpu_count()} cores; medians of {options.repetitions} "
            f"repetitions of {options.tables} tables",
            highlight=False,
        )


if __name__ == "__main__":
    main()
