"""Chaos: python -m tests.chaos, with SEED=0, MINUTES=1, REQUESTS=30 a second, from the environment.

Daemons and requesters work under faults, which all derive from the seed; afterwards the promises of
tests/chaos/invariants.sql are checked. Exits with 1 if one was broken, and keeps the logs then.
"""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from schemad.embedded import find_binaries
from tests.chaos.faults import KINDS
from tests.chaos.report import report
from tests.chaos.run import Run, Verdict


def main() -> int:
    seed, minutes = int(os.environ.get("SEED", "0")), float(os.environ.get("MINUTES", "1"))
    requests = int(os.environ.get("REQUESTS") or round(minutes * 60 * 30))
    chosen = set(os.environ.get("FAULTS", "").replace(",", " ").split()) or set(KINDS)
    if unknown := chosen - set(KINDS):
        print(f"no such faults: {', '.join(sorted(unknown))}; there are: {', '.join(KINDS)}", file=sys.stderr)
        return 2
    memory = Path("/dev/shm")
    directory = Path(tempfile.mkdtemp(prefix="schemad-chaos-", dir=memory if memory.is_dir() else None))
    run = Run(
        seed=seed,
        seconds=minutes * 60,
        requests=requests,
        per_minute=float(os.environ.get("FAULTS_PER_MINUTE", "60")),
        daemons=int(os.environ.get("DAEMONS") or 1 + seed % 3),
        kinds=chosen,
        major=int(os.environ.get("PG") or find_binaries().major),
        directory=directory,
    )
    try:
        verdict = asyncio.run(_until_terminated(run))
    except asyncio.CancelledError:
        return 143
    print(report(run, verdict, seed=seed, minutes=minutes))
    if verdict.broken:
        print(f"the logs are in {directory}", file=sys.stderr)
        return 1
    shutil.rmtree(directory)
    return 0


async def _until_terminated(run: Run) -> Verdict:
    """Runs it; SIGTERM ends it with everything that it started."""
    running = asyncio.create_task(run.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    return await running


if __name__ == "__main__":
    sys.exit(main())
