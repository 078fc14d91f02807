"""Figures: what was measured beside its floor, over the repetitions of a run."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Better(StrEnum):
    """Which way a figure gets better."""

    LESS = "less"
    MORE = "more"


@dataclass(frozen=True, slots=True)
class Reading:
    """One repetition of a measurement.

    Attributes:
        measure: The measure that it belongs to, such as latency.
        what: What was measured.
        against: What stands beside it, measured in turns with it; empty where nothing does.
        unit: Of both.
        better: Which way it gets better.
        measured: For schemad.
        floor: For what stands beside it; None where nothing does.
        size: How many tables were there, for a curve over sizes; None elsewhere.
    """

    measure: str
    what: str
    against: str
    unit: str
    better: Better
    measured: float
    floor: float | None
    size: int | None = None

    @property
    def ratio(self) -> float | None:
        """Measured by floor; None where there is no floor, or it is zero."""
        return self.measured / self.floor if self.floor else None


@dataclass(frozen=True, slots=True)
class Figure:
    """The readings of one measurement, as medians. The ratio is the median of the repetitions' own ratios."""

    readings: tuple[Reading, ...]

    @property
    def first(self) -> Reading:
        """For what all readings have in common."""
        return self.readings[0]

    @property
    def measured(self) -> float:
        """For schemad, in the unit of the readings."""
        return statistics.median(r.measured for r in self.readings)

    @property
    def floor(self) -> float | None:
        """For what stands beside it; None where nothing does."""
        floors = [r.floor for r in self.readings if r.floor is not None]
        return statistics.median(floors) if floors else None

    @property
    def ratios(self) -> list[float]:
        """Of each repetition that has one, ascending."""
        return sorted(r.ratio for r in self.readings if r.ratio is not None)

    @property
    def ratio(self) -> float | None:
        """The median over the repetitions."""
        return statistics.median(self.ratios) if self.ratios else None

    def as_row(self) -> dict[str, Any]:
        """For programs."""
        ratios = self.ratios
        return {
            "measure": self.first.measure,
            "what": self.first.what,
            "against": self.first.against or None,
            "unit": self.first.unit,
            "better": self.first.better.value,
            "measured": self.measured,
            "floor": self.floor,
            "ratio": self.ratio,
            "ratio_min": ratios[0] if ratios else None,
            "ratio_max": ratios[-1] if ratios else None,
            "repetitions": len(self.readings),
        }


def figures(readings: Iterable[Reading]) -> list[Figure]:
    """Readings of the same thing together, in the order in which they first came."""
    together: dict[tuple[str, str, str], list[Reading]] = {}
    for reading in readings:
        together.setdefault((reading.measure, reading.what, reading.against), []).append(reading)
    return [Figure(tuple(each)) for each in together.values()]
