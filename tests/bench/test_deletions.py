"""`python -m benchmarks.deletions` measures on a second server once the first one is deleted."""

from pathlib import Path

from benchmarks.deletions import rates


def test_it_measures_as_often_as_it_was_told_on_a_server_that_stays(tmp_path: Path) -> None:
    measured = list(rates(tmp_path, deleted=1, tables=25, figures=2, pause=0))
    assert len(measured) == 2
    assert all(tables > 0 for _, tables in measured)
    # The one that was to be deleted is gone.
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
