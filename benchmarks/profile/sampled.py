"""`schemad run`, with what is on the stack counted a thousand times a second of CPU, between two SIGUSR2.

At the second one the counts are written to the file that SAMPLES names: a line for each stack, the outermost frame
first, as flame graphs are drawn from.
"""

import os
import signal
from collections import Counter
from pathlib import Path
from types import FrameType

from schemad.cli.app import main

INTERVAL = 0.001  # seconds of CPU; the kernel makes it one of its ticks where those are longer
stacks: Counter[str] = Counter()


def sample(_signal: int, frame: FrameType | None) -> None:
    """Counts what is on the stack."""
    names: list[str] = []
    while frame is not None:
        names.append(f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}")
        frame = frame.f_back
    stacks[";".join(reversed(names))] += 1


def begin_or_end(_signal: int, _frame: FrameType | None) -> None:
    """Begins to count; once it has, ends, and writes the counts down."""
    if signal.getsignal(signal.SIGPROF) is sample:
        signal.setitimer(signal.ITIMER_PROF, 0)
        written = Path(os.environ["SAMPLES"])
        partly = written.with_suffix(".partly")
        partly.write_text("".join(f"{stack} {count}\n" for stack, count in stacks.items()), encoding="utf-8")
        partly.rename(written)
    else:
        signal.signal(signal.SIGPROF, sample)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR2, begin_or_end)
    main(["run"])
