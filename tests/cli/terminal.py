"""The program on a terminal: a pseudo-terminal for one of its streams or for both."""

import contextlib
import os
import pty
import select
import signal
import subprocess
import time

from tests.cli.program import PATIENCE, PROGRAM, environment


def on_terminal(
    *arguments: object, dsn: str | None = None, stream: str = "stdout", until: str | None = None, **variables: str
) -> tuple[int, str]:
    """Runs the program with one stream on a terminal; its exit code, and what it wrote there.

    Args:
        arguments: Of the command line.
        dsn: The database.
        stream: stdout or stderr; the other one goes nowhere.
        until: Once this was written, Ctrl-C is pressed.
        variables: Of the environment.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        env=environment(dsn, **({"TERM": "xterm-256color", "COLUMNS": "100"} | variables)),
        stdout=theirs if stream == "stdout" else subprocess.DEVNULL,
        stderr=theirs if stream == "stderr" else subprocess.DEVNULL,
    )
    os.close(theirs)
    written = b""
    deadline = time.monotonic() + PATIENCE
    try:
        # The other side being closed is an error of a pseudo-terminal, not its end.
        with contextlib.suppress(OSError):
            while select.select([ours], [], [], max(0.0, deadline - time.monotonic()))[0]:
                read = os.read(ours, 65536)
                if not read:
                    break
                written += read
                if until is not None and until.encode() in written:
                    until = None
                    process.send_signal(signal.SIGINT)
        return process.wait(max(0.1, deadline - time.monotonic())), written.decode()
    finally:
        os.close(ours)
        process.kill()
        process.wait()
