"""`python -m benchmarks.profile`: what the daemon's CPU goes to while single requests come, by part."""

import argparse
import asyncio
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.cpu import cpu
from schemad.bench.contenders import Contender, process
from schemad.bench.databases import Databases, session
from schemad.bench.failure import BenchFailed
from schemad.bench.load import submit, until_there, warm_up
from schemad.embedded import EmbeddedPostgres

# Seconds between two requests, so that the daemon has told of one before the next comes.
PAUSE = 0.005
PATIENCE = 10.0
# The part of a sample is the first of these that is on its stack, with whatever it calls.
PARTS = {
    "the driver: arguments, rows, its protocol": ("asyncpg.",),
    "logging and counting, after the commit": ("structlog.", "schemad.daemon.journal.", "schemad.observe."),
    "values of what was read": ("schemad.store.queue.Queue.candidates",),
    "the decision as JSON": ("schemad.store.queue.Queue.apply",),
    "reading the payload": ("schemad.request.payload.read_request",),
    "judging and planning": ("schemad.ddl.decision.decide",),
    "worker, drain and applier": ("schemad.daemon.",),
}
REST = "the event loop, and bytes from and to sockets"


def part_of(stack: str) -> str:
    """The part that a stack, outermost frame first, belongs to."""
    frames = stack.split(";")
    for part, prefixes in PARTS.items():
        if any(frame.startswith(prefixes) for frame in frames):
            return part
    return REST


def read(samples: str) -> Counter[str]:
    """Samples by stack, as they were written down."""
    counted = (line.rpartition(" ") for line in samples.splitlines())
    return Counter({stack: int(count) for stack, _, count in counted})


async def measure(dsn: str, arrivals: int, samples: Path) -> float:
    """Has so many requests decided by a daemon that is sampled; milliseconds of its CPU for each."""
    daemon = process(
        *("-m", "benchmarks.profile.sampled"),
        ready="daemon.ready",
        SAMPLES=str(samples),
        SCHEMAD_DSN=dsn,
        SCHEMAD_ENABLE_AUTO_CREATE="true",
        SCHEMAD_LOG_FORMAT="json",
    )
    async with daemon as sampled, session(dsn) as connection:
        await warm_up(connection)
        before = cpu(sampled.pid)
        os.kill(sampled.pid, signal.SIGUSR2)
        for number in range(arrivals):
            await submit(connection, f"arrival_{number}")
            await until_there(connection, f"arrival_{number}")
            await asyncio.sleep(PAUSE)
        taken = cpu(sampled.pid) - before
        os.kill(sampled.pid, signal.SIGUSR2)
        await asyncio.to_thread(until_written, samples, sampled)
    return taken / arrivals


def until_written(samples: Path, sampled: Contender) -> None:
    """Waits for the samples, which the daemon writes once it gets to it."""
    ends = time.monotonic() + PATIENCE
    while not samples.exists():
        if time.monotonic() > ends:
            raise BenchFailed(f"no samples were written; the daemon said:\n{sampled.last_words}")
        time.sleep(PAUSE)


def table(stacks: Mapping[str, int], milliseconds: float) -> Table:
    """A row for each part."""
    by_part: Counter[str] = Counter()
    for stack, count in stacks.items():
        by_part[part_of(stack)] += count
    shown = Table("what the daemon's CPU goes to", "%", "ms a request")
    for column in shown.columns[1:]:
        column.justify = "right"
    for part, count in by_part.most_common():
        share = count / by_part.total()
        shown.add_row(part, f"{100 * share:.0f}", f"{milliseconds * share:.2f}")
    shown.add_row("in all", "100", f"{milliseconds:.2f}")
    return shown


def largest(stacks: Counter[str]) -> tuple[str, float]:
    """The Python function in which, with what it calls of C, most samples are, and their share."""
    innermost: Counter[str] = Counter()
    for stack, count in stacks.items():
        innermost[stack.rpartition(";")[2]] += count
    name, count = innermost.most_common(1)[0]
    return name, count / stacks.total()


def main() -> None:
    """Measures, and prints a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile")
    parser.add_argument("--arrivals", type=int, default=1_500, help="how many requests (default: 1500)")
    parser.add_argument(
        "--stacks", type=Path, help="keep the samples in this file, as flame graphs are drawn from"
    )
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="schemad-profile-") as directory,
        EmbeddedPostgres(Path(directory) / "data") as server,
    ):
        samples = Path(directory) / "samples"
        dsn = asyncio.run(Databases(server.dsn(), lasting=False).new())
        milliseconds = asyncio.run(measure(dsn, options.arrivals, samples))
        text = samples.read_text(encoding="utf-8")
        if options.stacks:
            options.stacks.write_text(text, encoding="utf-8")
        stacks = read(text)
        console = Console()
        console.print(table(stacks, milliseconds))
        name, share = largest(stacks)
        console.print(
            f"{100 * share:.0f} % are in {name} itself, more than in any other function\n"
            f"PostgreSQL {server.binaries.major}, {os.cpu_count()} cores; {stacks.total():,} samples",
            highlight=False,
        )


if __name__ == "__main__":
    main()
