"""Chaos: python -m tests.chaos, with SEED=0, MINUTES=1, REQUESTS=30 a second, from the environment.

Daemons and requesters work under faults, which all derive from the seed; afterwards the promises of
tests/chaos/invariants.sql are checked. Exits with 1 if one was broken, and keeps the logs then. Further:
FAULTS_PER_MINUTE=60, FAULTS (names of kinds; all), DAEMONS (1 to 3, by the seed) and PG (the newest).
"""

import os
import sys
from pathlib import Path

from schemad.embedded import find_binaries
from tests.chaos.faults import KINDS
from tests.chaos.report import report
from tests.chaos.run import Run
from tests.chaos.workplace import exit_code


def main() -> int:
    """Reads the environment, runs; the exit code."""
    seed, minutes = int(os.environ.get("SEED") or 0), float(os.environ.get("MINUTES") or 1)
    requests = int(os.environ.get("REQUESTS") or round(minutes * 60 * 30))
    chosen = set(os.environ.get("FAULTS", "").replace(",", " ").split()) or set(KINDS)
    if unknown := chosen - set(KINDS):
        print(f"no such faults: {', '.join(sorted(unknown))}; there are: {', '.join(KINDS)}", file=sys.stderr)
        return 2

    async def chaos(directory: Path) -> bool:
        run = Run(
            seed=seed,
            seconds=minutes * 60,
            requests=requests,
            per_minute=float(os.environ.get("FAULTS_PER_MINUTE") or 60),
            daemons=int(os.environ.get("DAEMONS") or 1 + seed % 3),
            kinds=chosen,
            major=int(os.environ.get("PG") or find_binaries().major),
            directory=directory,
        )
        verdict = await run.run()
        print(report(run, verdict, seed=seed, minutes=minutes))
        return not verdict.broken

    return exit_code(chaos)


if __name__ == "__main__":
    sys.exit(main())
