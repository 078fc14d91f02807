"""What a run has: its databases, its sizes, and whoever is told how far it is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from schemad.bench.databases import Databases
from schemad.settings import Settings


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured.

    Attributes:
        repetitions: How often; each on new databases.
        samples: Single arrivals a repetition.
        tables: Requests in a backlog.
        inserts: Single inserts of each kind a repetition.
        bulk: Requests in the one bulk insert.
        growth: Numbers of tables that are there, ascending.
        old_requests: Processed requests that are there.
        arrivals: Single arrivals a repetition where much is there; few, as they add to it.
        burst: Requests that come there in one commit, four times a repetition.
        recoveries: Listeners killed a repetition.
        window: Seconds for which a daemon is idle.
        settle: Seconds before that: PostgreSQL's sessions report what they did after ten of silence at the latest.
        pool: Numbers of daemons on one database.
    """

    repetitions: int = 5
    samples: int = 500
    tables: int = 2_000
    inserts: int = 400
    bulk: int = 10_000
    growth: tuple[int, ...] = (1_000, 10_000, 50_000)
    old_requests: int = 1_000_000
    arrivals: int = 20
    burst: int = 25
    recoveries: int = 5
    window: float = 60.0
    settle: float = 11.0
    pool: tuple[int, ...] = (1, 2, 4)


QUICK = Sizes(
    repetitions=2,
    samples=100,
    tables=300,
    inserts=100,
    bulk=2_000,
    growth=(500, 2_000),
    old_requests=20_000,
    recoveries=2,
    window=5.0,
    pool=(1, 2),
)


def _nobody(_what: str, _done: float) -> None:
    """Tells nobody."""


@dataclass(slots=True)
class Bench:
    """A run.

    Attributes:
        databases: Where.
        sizes: How much.
        tell: Told what is being measured, and what part of the measure is done, from 0 to 1.
        settings: Of the daemons: they are started with this environment.
        server_log: Of the server, where it can be read; None elsewhere.
        distributions: Single latencies in milliseconds, by contender.
    """

    databases: Databases
    sizes: Sizes
    tell: Callable[[str, float], None] = _nobody
    settings: Settings = field(default_factory=Settings.load)
    server_log: Path | None = None
    distributions: dict[str, list[float]] = field(default_factory=dict)

    def steps(self, what: str, count: int | None = None) -> Iterator[int]:
        """Numbers from 0, as many as there are repetitions or as are given, told one by one."""
        count = self.sizes.repetitions if count is None else count
        for number in range(count):
            self.tell(what, number / count)
            yield number
        self.tell(what, 1.0)
