"""`make bench`: what schemad costs, each figure beside its floor, measured in turns on one server."""

import argparse
import asyncio
import os
import platform
import statistics
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Ratio, backlog, single_arrivals
from schemad import __version__
from schemad.embedded import EmbeddedPostgres
from schemad.store import connect, migrate


def main() -> None:
    """Runs everything and prints a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--samples", type=int, default=200, help="single arrivals a repetition")
    parser.add_argument("--tables", type=int, default=1000, help="size of the backlog")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--pg", type=int, default=None, help="major version of PostgreSQL")
    options = parser.parse_args()

    console = Console()
    with (
        tempfile.TemporaryDirectory(prefix="schemad-bench-") as directory,
        EmbeddedPostgres(Path(directory) / "data", major=options.pg) as server,
    ):
        rows: dict[str, list[Ratio]] = {}
        for repetition in range(options.repetitions):
            for ratio in asyncio.run(_once(server, repetition, options.samples, options.tables)):
                rows.setdefault(ratio.what, []).append(ratio)
                console.print(f"{ratio.what}: {ratio.value:.2f}", style="dim", highlight=False)
        console.print(_table(rows))
        console.print(
            f"schemad {__version__}, PostgreSQL {server.binaries.major}, Python {platform.python_version()}, "
            f"{os.cpu_count()} cores, fsync on; medians of {options.repetitions} repetitions.",
            highlight=False,
        )


async def _once(server: EmbeddedPostgres, repetition: int, samples: int, tables: int) -> list[Ratio]:
    ours, floor = await _database(server, f"ours_{repetition}"), await _database(server, f"floor_{repetition}")
    return [
        *await single_arrivals(ours, floor, samples),
        await backlog(ours, floor, tables, str(repetition)),
    ]


async def _database(server: EmbeddedPostgres, name: str) -> str:
    """A new database each time: after mass drops, CREATE TABLE is up to three times slower."""
    connection = await connect(server.dsn(), job="bench")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    connection = await connect(server.dsn(name), job="bench")
    if name.startswith("ours"):
        await migrate(connection)
    await connection.close()
    return server.dsn(name)


def _table(rows: dict[str, list[Ratio]]) -> Table:
    table = Table("what", "schemad", "floor", "ratio", "better is")
    for what, ratios in rows.items():
        unit = ratios[0].unit
        table.add_row(
            what,
            f"{statistics.median(r.measured for r in ratios):.1f} {unit}",
            f"{statistics.median(r.floor for r in ratios):.1f} {unit}",
            f"{statistics.median(r.value for r in ratios):.2f}",
            ratios[0].better,
        )
    return table


if __name__ == "__main__":
    main()
