"""From samples to what is shown: percentiles, rates, and ratios to the smallest daemon in the same repetition."""

import json
import math
import os
import platform
import re
import statistics
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.table import Table

from benchmarks.peers.contenders import Contender, node
from benchmarks.peers.measure import Repetition
from schemad import __version__
from schemad.embedded import EmbeddedPostgres
from schemad.store import connect

HERE = Path(__file__).parent
PEERS = ("graphile-worker", "pg-boss", "procrastinate", "pgqueuer")


@dataclass(frozen=True, slots=True)
class Result:
    """What one contender did, over all repetitions.

    Attributes:
        contender: Who.
        p50: Milliseconds from commit to table, median of all samples.
        p99: The same, 99th percentile.
        latency_ratio: Median over the repetitions of its p50 by the smallest daemon's.
        rate: Tables a second from a backlog, median over the repetitions.
        rate_ratio: Median over the repetitions of its rate by the smallest daemon's.
    """

    contender: Contender
    p50: float
    p99: float
    latency_ratio: float
    rate: float
    rate_ratio: float

    def cells(self) -> tuple[str, ...]:
        """As text, in the order of `COLUMNS`."""
        return (
            self.contender.name,
            figure(self.p50),
            figure(self.p99),
            _ratio(self.latency_ratio),
            figure(self.rate),
            _ratio(self.rate_ratio),
        )


# Ratios are to the smallest daemon.
COLUMNS = ("who", "p50 ms", "p99 ms", "ratio", "tables/s", "ratio")


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and when it was measured, and with what."""

    machine: str
    versions: str
    date: str
    extent: str

    def sentence(self) -> str:
        """All of it."""
        return f"{self.date}; {self.machine}; {self.versions}. {self.extent}"


def summarised(taking_part: list[Contender], repetitions: list[dict[str, Repetition]]) -> list[Result]:
    """A result for each contender; the first one is what the others are compared with."""
    floor = taking_part[0].key
    results = []
    for contender in taking_part:
        done = [(each[contender.key], each[floor]) for each in repetitions]
        samples = [sample for ours, _ in done for sample in ours.arrivals]
        results.append(
            Result(
                contender,
                p50=statistics.median(samples),
                p99=sorted(samples)[math.ceil(len(samples) * 0.99) - 1],
                latency_ratio=statistics.median(
                    statistics.median(ours.arrivals) / statistics.median(theirs.arrivals) for ours, theirs in done
                ),
                rate=statistics.median(ours.rate for ours, _ in done),
                rate_ratio=statistics.median(ours.rate / theirs.rate for ours, theirs in done),
            )
        )
    return results


def table(results: list[Result]) -> Table:
    """For the terminal."""
    shown = Table()
    for column in COLUMNS:
        first = column == COLUMNS[0]
        shown.add_column(column, justify="left" if first else "right", no_wrap=first)
    for result in results:
        shown.add_row(*result.cells())
    return shown


async def setting(server: EmbeddedPostgres, repetitions: int, samples: int, tables: int) -> Setting:
    """What the figures depend on; no name of a machine."""
    connection = await connect(server.dsn(), job="bench")
    version = str(await connection.fetchval("SHOW server_version")).split()[0]
    fsync = await connection.fetchval("SHOW fsync")
    await connection.close()
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return Setting(
        machine=f"{len(os.sched_getaffinity(0))} cores, {gigabytes:.0f} GB of memory, fsync {fsync}",
        versions=", ".join([f"schemad {__version__}", f"PostgreSQL {version}", *_versions()]),
        date=datetime.now(UTC).date().isoformat(),
        extent=f"{repetitions} repetitions, each with {samples} single arrivals and a backlog of {tables}.",
    )


def _versions() -> Iterator[str]:
    yield f"Python {platform.python_version()}"
    shown = subprocess.run([node(), "--version"], capture_output=True, text=True, check=True).stdout
    yield f"Node.js {shown.strip().removeprefix('v')}"
    locked = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    pinned = dict(re.findall(r"^([\w-]+)==(\S+)", (HERE / "requirements.txt").read_text("utf-8"), re.MULTILINE))
    for peer in PEERS:
        yield f"{peer} {pinned.get(peer) or locked[f'node_modules/{peer}']['version']}"


def figure(value: float) -> str:
    """Three digits or so, as more would be noise."""
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _ratio(value: float) -> str:
    """Two decimals, and at least one digit that says something."""
    if value >= 10:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value >= 0.01 else f"{value:.1g}"
