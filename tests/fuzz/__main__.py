"""Fuzzes the reading and judging of payloads: python -m tests.fuzz, for SECONDS (60), from SEED (0).

Guided by coverage: an input that goes from one line of schemad's to another as none did before is kept, and
mutated further. The work is done in a process of its own, since PostgreSQL's parser is C: where it dies, the input
that killed it is told.
"""

import mmap
import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

import schemad
from tests.fuzz.mutations import mutated
from tests.fuzz.target import check
from tests.hostile.corpus import corpus

SOURCES = str(Path(schemad.__file__).parent)
LONGEST = 20_000
# Seconds in which one decision must be there: all others wait for it.
PATIENCE = 2.0


class Coverage:
    """The steps from line to line of schemad that were taken so far."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, int, int]] = set()
        self._line = 0

    def is_new(self, payload: str) -> bool:
        """Checks a payload; whether it took a step that none took before."""
        known = len(self._seen)
        sys.settrace(self._trace)
        try:
            check(payload)
        finally:
            sys.settrace(None)
        return len(self._seen) > known

    def _trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(SOURCES):
            return None
        self._seen.add((frame.f_code.co_filename, self._line, frame.f_lineno))
        self._line = frame.f_lineno
        return self._trace

    def __len__(self) -> int:
        return len(self._seen)


def fuzz(seconds: float, seed: int, current: mmap.mmap) -> None:
    """Tries payloads until the time is up; each stands in `current` while it is tried."""
    chance = random.Random(seed)  # noqa: S311 - the same inputs for the same seed
    texts = (case.as_json() for case in corpus())
    pool = sorted({text for text in texts if len(text) < LONGEST})
    coverage, tried, deadline = Coverage(), 0, time.monotonic() + seconds
    waiting = iter(list(pool))
    while time.monotonic() < deadline:
        payload = next(waiting, None)
        if payload is None:
            payload = mutated(chance.choice(pool), pool, chance)
        data = payload.encode(errors="surrogatepass")
        current.seek(0)
        current.write(len(data).to_bytes(4, "big") + data)
        started = time.monotonic()
        if coverage.is_new(payload):
            pool.append(payload)
        assert time.monotonic() - started < PATIENCE, f"it took longer than {PATIENCE} s"
        tried += 1
    print(f"{tried:,} payloads, {len(coverage):,} steps from line to line, {len(pool):,} kept; seed {seed}")


def main() -> int:
    seconds, seed = float(os.environ.get("SECONDS", "60")), int(os.environ.get("SEED", "0"))
    current = mmap.mmap(-1, 8 * LONGEST)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            fuzz(seconds, seed, current)
            code = 0
        except BaseException:  # noqa: BLE001 - whatever it is, this process ends here
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if status == 0:
        return 0
    current.seek(0)
    payload = current.read(int.from_bytes(current.read(4), "big")).decode(errors="surrogatepass")
    why = f"signal {signal.Signals(os.WTERMSIG(status)).name}" if os.WIFSIGNALED(status) else "see above"
    print(f"failed ({why}), seed {seed}, by the payload\n{payload!a}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
