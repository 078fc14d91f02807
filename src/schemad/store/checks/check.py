"""A check: one thing that was looked at, how it is, and what mends it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How it is."""

    OK = "ok"
    NOTE = "note"  # a daemon would work; it may not be what is wanted
    MEND = "mend"  # a daemon would not do what it is for


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What.
        found: How it is.
        mend: The command, setting or deed that changes it; empty where it is as it should be.
        is_note: Whether it only may not be what is wanted.
    """

    name: str
    found: str
    mend: str = ""
    is_note: bool = False

    @property
    def level(self) -> Level:
        """How it is."""
        if not self.mend:
            return Level.OK
        return Level.NOTE if self.is_note else Level.MEND

    @property
    def passed(self) -> bool:
        """Whether a daemon would do what it is for."""
        return self.level is not Level.MEND


def note(name: str, found: str, mend: str) -> Check:
    """What may not be what is wanted."""
    return Check(name, found, mend, is_note=True)
