"""`make bench-peers`: schemad beside general job queues that do the same work, measured in turns on one server."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks.peers.contenders import contenders, node
from benchmarks.peers.measure import Repetition, repetition
from benchmarks.peers.page import write
from benchmarks.peers.results import Result, Setting, setting, summarised, table
from schemad.embedded import EmbeddedPostgres


def main() -> None:
    """Runs everything, prints a table, and writes it and a plot into the documentation."""
    options = parser().parse_args()

    console = Console()
    try:
        node()
        results, where = _measured(options, console)
    except (RuntimeError, FileNotFoundError) as error:
        sys.exit(f"bench-peers: {error}")
    console.print(table(results))
    console.print(where.sentence(), highlight=False)
    if not options.print_only:
        for path in write(results, where):
            console.print(f"wrote {path}", highlight=False)


def parser() -> argparse.ArgumentParser:
    """What its command line takes."""
    taken = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    taken.add_argument("--repetitions", type=int, default=5)
    taken.add_argument("--samples", type=int, default=100, help="single arrivals a repetition")
    taken.add_argument("--tables", type=int, default=500, help="size of the backlog")
    taken.add_argument("--only", nargs="*", metavar="KEY", help="contenders, beside the smallest daemon")
    taken.add_argument("--pg", type=int, default=None, help="major version of PostgreSQL")
    taken.add_argument("--print", action="store_true", dest="print_only", help="leave the documentation alone")
    return taken


def _measured(options: argparse.Namespace, console: Console) -> tuple[list[Result], Setting]:
    taking_part = contenders()
    if options.only:
        taking_part = [taking_part[0]] + [each for each in taking_part[1:] if each.key in options.only]
    done: list[dict[str, Repetition]] = []
    with (
        tempfile.TemporaryDirectory(prefix="schemad-peers-") as directory,
        EmbeddedPostgres(
            Path(directory) / "data", major=options.pg, settings={"max_connections": "400"}
        ) as server,
    ):
        where = asyncio.run(setting(server, options.repetitions, options.samples, options.tables))
        for number in range(options.repetitions):
            done.append(asyncio.run(repetition(server, taking_part, number, options.samples, options.tables)))
            console.print(f"repetition {number + 1} of {options.repetitions} done", style="dim", highlight=False)
    return summarised(taking_part, done), where


if __name__ == "__main__":
    main()
