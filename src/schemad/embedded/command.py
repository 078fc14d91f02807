"""Commands: how a program of the server's is started, so that it may run, and ends with this process."""

import contextlib
import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from schemad.embedded.binaries import EmbeddedPostgresError

NOBODY = 65534
LAST_LINES = 15


@lru_cache
def command_prefix(postgres: Path, user: int, owner: int, group: int) -> tuple[str, ...]:
    """What to put before a command so that it may run, and on Linux dies with this process.

    PostgreSQL refuses root. A user namespace needs no other user and no chown, but not every
    container allows one; and a directory that belongs to somebody is served as that somebody.
    Each way is tried with `postgres --version`.
    """
    setpriv = ("setpriv", "--pdeathsig", "INT")
    ways: list[tuple[str, ...]] = []
    if user != 0:
        ways = [setpriv, ()] if sys.platform == "linux" else [()]
    else:
        if owner == 0:
            mapped = (f"--map-user={NOBODY}", f"--map-group={NOBODY}")
            ways.append((*setpriv, "unshare", "--user", *mapped))
        ids = (f"--reuid={owner or NOBODY}", f"--regid={group if owner else NOBODY}")
        ways.append(("setpriv", *ids, "--clear-groups", *setpriv[1:]))
    for way in ways:
        command = [*way, str(postgres), "--version"]
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            subprocess.run(command, check=True, capture_output=True, cwd=postgres.parent)
            return way
    raise EmbeddedPostgresError(
        "PostgreSQL refuses to run as root, and neither `unshare --user` nor `setpriv --reuid` "
        f"could start {postgres}; run as a normal user, or install util-linux and see that "
        f"user {owner or NOBODY} can reach that file"
    )


def environment() -> dict[str, str]:
    """Messages in English, whatever the terminal speaks: some of them are understood here."""
    return {**os.environ, "LC_ALL": "C"}


def tail(text: str) -> str:
    """The last lines that a program wrote."""
    return "\n".join(text.splitlines()[-LAST_LINES:]) or "(nothing was written)"
