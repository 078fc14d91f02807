"""Idle: its statements are counted."""

from pathlib import Path

import pytest

from schemad.bench.bench import Sizes
from schemad.bench.run import Measure, run
from schemad.embedded import EmbeddedPostgres


async def test_statements_of_an_idle_daemon_are_counted_where_the_log_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHEMAD_PROBE_INTERVAL", "0.1")
    with EmbeddedPostgres(tmp_path / "data") as server:
        sizes = Sizes(window=5.0, settle=0.0)
        report = await run(server.dsn(), server_log=server.log_path, measures=[Measure.IDLE], sizes=sizes)
    (statements,) = (figure.measured for figure in report.figures if figure.first.what == "statements")
    # A proof each 0.09 s, where both links are proven by the same statement.
    assert 60 < statements < 2000
