"""`python -m benchmarks.profile` samples a daemon at work, and tells each sample's part."""

from pathlib import Path

import pytest

from benchmarks.profile.__main__ import PARTS, REST, measure, part_of, read
from tests.support.databases import Database
from tests.support.servers import server_names

# A sample is taken at a tick of the kernel's, which may be 4 ms: of twenty requests there was none once.
ARRIVALS = 100


@pytest.mark.parametrize("server", server_names()[-1:], indirect=True)
async def test_a_daemon_is_sampled_while_it_decides(database: Database, tmp_path: Path) -> None:
    milliseconds = await measure(database.dsn(), ARRIVALS, tmp_path / "samples")
    assert milliseconds > 0
    stacks = read((tmp_path / "samples").read_text(encoding="utf-8"))
    assert stacks.total() > 0
    assert {part_of(stack) for stack in stacks} <= {*PARTS, REST}


@pytest.mark.parametrize(
    ("stack", "part"),
    [
        ("uvloop.run;schemad.daemon.worker.Worker._work;asyncio.locks.Event.wait", "worker, drain and applier"),
        ("uvloop.run;schemad.daemon.intake.Intake.read;schemad.ddl.decision.decide", "judging and planning"),
        ("schemad.ddl.decision.decide;schemad.request.payload.read_request", "reading the payload"),
        ("schemad.ddl.decision.decide;schemad.request.names.derived_names", "judging and planning"),
        ("schemad.store.queue.Queue.apply;schemad.ddl.render.script", "the decision as JSON"),
        ("schemad.store.queue.Queue.apply;asyncpg.connection.Connection.fetch", next(iter(PARTS))),
        ("uvloop.run;asyncio.runners.Runner.run", REST),
    ],
)
def test_a_sample_is_of_the_part_that_called_for_it(stack: str, part: str) -> None:
    assert part_of(stack) == part
