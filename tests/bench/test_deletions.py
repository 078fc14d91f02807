"""`python -m benchmarks.deletions` measures on a second server once the first one is deleted."""

from pathlib import Path

from benchmarks.deletions import rates


def test_it_measures_as_often_as_it_was_told_on_a_server_that_stays(tmp_path: Path) -> None:
    measured = list(rates(tmp_path, deleted=1, tables=25, figures=2, pause=1))
    (first, made), (second, made_later) = measured
    assert 0 < first < second
    assert min(made, made_later) > 0
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
