"""The plan of a run: which fault comes when, and with which choices of its own, all from the seed."""

import random
from dataclasses import dataclass

from tests.chaos.faults import KINDS, RARE

# Of the planned faults one in so many is of a rare kind.
RARITY = 60


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """A fault that is going to be injected.

    Attributes:
        at: Seconds after the beginning.
        kind: Its name in KINDS.
        seed: Where its own choices come from.
    """

    at: float
    kind: str
    seed: str


def chance_of(*what: object) -> random.Random:
    """Where choices come from: the same for the same words."""
    return random.Random(" ".join(map(str, what)))  # noqa: S311 - to be repeated, not to be unguessable


def planned(seed: int, seconds: float, per_minute: float, kinds: set[str]) -> list[PlannedFault]:
    """Faults spread over a time, each kind as often as the others but for the rare ones.

    Args:
        seed: The same seed, the same plan.
        seconds: The time over which they are spread.
        per_minute: How many.
        kinds: Names in KINDS of those that are possible here.
    """
    chance = chance_of(seed, "plan")
    count = max(1, round(seconds * per_minute / 60))
    usual = [kind for kind in KINDS if kind in kinds - RARE]
    rare = [kind for kind in KINDS if kind in kinds & RARE]
    deck: list[str] = [chance.choice(rare) for _ in range(-(-count // RARITY))] if rare else []
    while len(deck) < count:
        # Whole rounds, so that each kind has its turn even in a short run.
        deck += chance.sample(usual, min(len(usual), count - len(deck)))
    chance.shuffle(deck)
    times = sorted(chance.uniform(0, seconds) for _ in deck)
    return [PlannedFault(at, kind, f"{seed} {n}") for n, (at, kind) in enumerate(zip(times, deck, strict=True))]
