"""Figures are medians over repetitions, and their ratio that of what was measured in turns."""

import pytest

from schemad.bench.databases import database_dsn
from schemad.bench.figure import Better, Reading, figures
from schemad.bench.latency import percentile
from schemad.bench.load import in_turns, rounds


def reading(measured: float, floor: float | None, what: str = "p50") -> Reading:
    return Reading("latency", what, "smallest daemon", "ms", Better.LESS, measured, floor)


def test_a_ratio_is_the_median_of_the_repetitions_own() -> None:
    # The machine was three times slower in the last one: medians of each side alone would say 3.
    (figure,) = figures([reading(2, 1), reading(6, 4), reading(18, 12)])
    assert (figure.measured, figure.floor, figure.ratio) == (6, 4, 1.5)
    assert figure.as_row() == {
        "measure": "latency",
        "what": "p50",
        "against": "smallest daemon",
        "unit": "ms",
        "better": "less",
        "measured": 6,
        "floor": 4,
        "ratio": 1.5,
        "ratio_min": 1.5,
        "ratio_max": 2.0,
        "repetitions": 3,
    }


@pytest.mark.parametrize("floor", [0.0, None])
def test_beside_nothing_there_is_no_ratio(floor: float | None) -> None:
    (figure,) = figures([reading(2, floor)])
    assert (figure.ratio, figure.as_row()["ratio_min"]) == (None, None)


def test_figures_come_in_the_order_in_which_they_were_first_measured() -> None:
    both = figures([reading(1, 1), reading(2, 1, "p99"), reading(3, 1)])
    assert [(f.first.what, len(f.readings)) for f in both] == [("p50", 2), ("p99", 1)]


def test_a_percentile_is_one_of_the_samples_or_between_two() -> None:
    samples = [float(n) for n in range(1, 102)]
    assert [percentile(samples, p) for p in (50, 95, 99)] == [51, 96, 100]
    assert percentile([7.0], 99) == 7


def test_each_has_its_turn_and_another_one_begins_each_time() -> None:
    assert list(in_turns(3, ["a", "b"])) == [(0, "a"), (0, "b"), (1, "b"), (1, "a"), (2, "a"), (2, "b")]


def test_a_total_is_taken_in_parts() -> None:
    assert rounds(50, 20) == [20, 20, 10]
    assert rounds(40, 20) == [20, 20]
    assert rounds(1, 20) == [1]


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        ("postgresql://u:p%40@h:5433/app", "postgresql://u:p%40@h:5433/b"),
        ("postgresql://h", "postgresql://h/b"),
        ("postgresql:///app?host=/run/pg&port=1", "postgresql:///b?host=%2Frun%2Fpg&port=1"),
        ("postgres://h/app?database=app&sslmode=require", "postgres://h/b?sslmode=require"),
    ],
)
def test_a_dsn_keeps_all_but_its_database(dsn: str, expected: str) -> None:
    assert database_dsn(dsn, "b") == expected
