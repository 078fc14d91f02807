"""Boots a Debian with a systemd and a PostgreSQL of its own, and has the units show what they promise.

Run it from the checkout, as root: python -m tests.systemd
"""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tests.systemd.machine import StepFailed, booted, remove
from tests.systemd.root import SUITE, base_root, bring_schemad, unpack, what_is_missing
from tests.systemd.steps import STEPS

EXIT_FAILED = 1
EXIT_MISSING = 2

Result = TypeVar("Result")


def main() -> int:
    """Runs all steps; 0 where each did what it should."""
    parser = argparse.ArgumentParser(prog="python -m tests.systemd", description=__doc__)
    parser.add_argument(
        "--base", type=Path, help="archive of the Debian to boot; made if it is not there, and kept"
    )
    base = parser.parse_args().base
    if missing := what_is_missing():
        print("make test-systemd boots a Debian in a container, and can't do so here:", file=sys.stderr)
        for line in missing:
            print(f"  {line}", file=sys.stderr)
        return EXIT_MISSING
    # The machine is to be taken down however this ends.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    signal.signal(signal.SIGHUP, lambda number, _: sys.exit(128 + number))
    # Not on a file system without devices or programs, as /tmp may be.
    directory = Path(tempfile.mkdtemp(prefix="schemad-systemd-", dir="/var/tmp"))
    try:
        _run(directory, base or directory / "base.tar")
    except (StepFailed, subprocess.SubprocessError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return EXIT_FAILED
    finally:
        remove(directory)
    return 0


def _run(directory: Path, base: Path) -> None:
    began = time.monotonic()
    root = directory / "root"
    if not base.exists():
        _timed(f"Debian {SUITE}", lambda: base_root(base))
    _timed("unpack", lambda: unpack(base, root))
    _timed("sources", lambda: bring_schemad(root))
    with booted(root) as machine:
        _say("boot", time.monotonic() - began, "since the beginning")
        for name, step in STEPS:
            _timed(name, lambda step=step: step(machine))  # type: ignore[misc]
        machine.require_all_of_the_page()
    print(f"all {len(STEPS)} steps did what they should, in {time.monotonic() - began:.0f} s")


def _timed(name: str, work: Callable[[], Result]) -> Result:
    """Does something, and prints how long it took and what it came to."""
    began = time.monotonic()
    result = work()
    _say(name, time.monotonic() - began, result if isinstance(result, str) else "")
    return result


def _say(name: str, seconds: float, what: str) -> None:
    print(f"{name:<16} {seconds:7.2f} s  {what}".rstrip(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
