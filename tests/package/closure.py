"""What has to be installed for something, as what is installed tells it."""

from collections.abc import Iterator, Sequence
from importlib.metadata import requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def needed(requirements: Sequence[str]) -> Iterator[str]:
    """The names of what has to be installed for requirements here, as what is installed tells it."""
    seen: set[tuple[str, str]] = set()
    waiting = [(Requirement(each), "") for each in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        yield name
        for wanted in ("", *requirement.extras):
            if (name, wanted) not in seen:
                seen.add((name, wanted))
                waiting += [(Requirement(each), wanted) for each in requires(name) or []]
