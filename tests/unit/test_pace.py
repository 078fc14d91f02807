"""The pace of sweeps in vain: bounded under a flood, and no delay for what comes alone."""

import pytest

from schemad.daemon.pace import FREE, INTERVAL, Pace


def sweeps_under_flood(pace: Pace, *, since: float, seconds: float) -> int:
    """How many sweeps there are if a wake-up is always waiting and none finds anything."""
    now, count = since, 0
    while now < since + seconds:
        pace.swept_in_vain(now)
        count += 1
        now += pace.rest(now)
    return count


def test_a_first_wake_up_is_followed_at_once() -> None:
    assert Pace().rest(1000.0) == 0


def test_the_free_sweeps_in_vain_delay_nothing() -> None:
    pace = Pace()
    for _ in range(FREE):
        pace.swept_in_vain(1000.0)
        assert pace.rest(1000.0) == 0
    pace.swept_in_vain(1000.0)
    assert pace.rest(1000.0) == pytest.approx(INTERVAL)


@pytest.mark.parametrize("seconds", [1.0, 60.0])
def test_a_flood_causes_one_sweep_in_each_interval_and_the_free_ones(seconds: float) -> None:
    count = sweeps_under_flood(Pace(), since=1000.0, seconds=seconds)
    assert count == pytest.approx(seconds / INTERVAL + FREE, abs=1)


def test_a_flood_is_forgotten_after_a_while_of_silence() -> None:
    pace = Pace()
    sweeps_under_flood(pace, since=1000.0, seconds=60.0)
    assert pace.rest(1060.0 - INTERVAL / 2) > 0
    assert pace.rest(1060.0 + 2 * INTERVAL) == 0
    later = 1060.0 + 2 * FREE * INTERVAL
    pace.swept_in_vain(later)
    assert pace.rest(later) == 0
