"""`python -m benchmarks.deletions` measures on a second server once the first one is deleted."""

from pathlib import Path

from benchmarks.deletions import rates


def test_each_figure_is_had_on_a_second_server_once_the_first_one_is_gone(tmp_path: Path) -> None:
    there = []
    for seconds, tables in rates(tmp_path, deleted=1, tables=25, figures=2, pause=0):
        there.append([path.name for path in tmp_path.iterdir()])
        assert seconds > 0
        assert tables > 0
    assert there == [["data"], ["data"]]
