"""Processes of the program `schemad` that are forks of one which has imported what the program needs.

Most of the half second that a verb takes is Python's start and the imports. A fork has its own standard streams,
environment, memory, exit code and signals, as any process; what depends on the start itself is tried with a start.
"""

import atexit
import contextlib
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NoReturn

# What takes long to import, and depends neither on the environment nor on the standard streams, as output.py does.
PRELOADED = (
    "asyncpg",
    "pydantic_settings",
    "rich.console",
    "rich.syntax",
    "rich.table",
    "typer",
    "schemad.daemon",
    "schemad.ddl",
    "schemad.embedded",
    "schemad.observe",
    "schemad.policy",
    "schemad.settings",
    "schemad.store",
)
_START = "from tests.cli.forks import serve; serve()"
_ROOT = Path(__file__).parents[2]


class Forks:
    """The process that is forked."""

    def __init__(self) -> None:
        self._way, its = socket.socketpair()
        with its:
            command = [sys.executable, "-c", _START, str(its.fileno())]
            self._process = subprocess.Popen(command, cwd=_ROOT, pass_fds=[its.fileno()])

    def run(
        self, arguments: Sequence[str], stdin: bytes, environment: Mapping[str, str], patience: float
    ) -> tuple[int, bytes, bytes]:
        """Runs the program in a fork: its exit code, what it printed, and what it said on standard error.

        Args:
            arguments: The command line, without the program's name.
            stdin: What it reads.
            environment: Its whole environment.
            patience: Seconds after which it is killed, and TimeoutError raised.
        """
        with contextlib.ExitStack() as stack:
            ours, its = map(stack.enter_context, socket.socketpair())
            streams = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
            streams[0].write(stdin)
            streams[0].seek(0)
            with its:
                socket.send_fds(self._way, [b"+"], [its.fileno(), *(stream.fileno() for stream in streams)])
            told = stack.enter_context(ours.makefile("rw"))
            print(json.dumps([os.getcwd(), [*arguments], {**environment}]), file=told, flush=True)
            process = int(told.readline())
            ours.settimeout(patience)
            try:
                code = int(told.readline())
            except TimeoutError:
                os.kill(process, signal.SIGKILL)
                raise
            for stream in streams:
                stream.seek(0)
            return code, streams[1].read(), streams[2].read()

    def end(self) -> None:
        """Ends it."""
        self._way.close()
        self._process.wait()


@cache
def forks() -> Forks:
    """Those of this process, made at the first call."""
    made = Forks()
    atexit.register(made.end)
    return made


def serve() -> None:
    """What the process does that is forked: waits for runs, until nobody can ask for one any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests, which then end it
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the keepers
    for name in PRELOADED:
        importlib.import_module(name)
    way = socket.socket(fileno=int(sys.argv[1]))
    while True:
        asked, descriptors, _, _ = socket.recv_fds(way, 1, 4)
        if not asked:
            return
        if os.fork() == 0:
            way.close()
            _keep(*descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _keep(answers: int, *streams: int) -> NoReturn:
    """Has a run made by a process of its own, and tells its number and, when it has ended, its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    told = socket.socket(fileno=answers).makefile("rw")
    directory, arguments, environment = json.loads(told.readline())
    process = os.fork()
    if process == 0:
        os.close(answers)
        _become_program(streams, directory, arguments, environment)
    print(process, file=told, flush=True)
    _, status = os.waitpid(process, 0)
    print(os.waitstatus_to_exitcode(status), file=told, flush=True)
    os._exit(0)


def _become_program(
    streams: Sequence[int], directory: str, arguments: Sequence[str], environment: Mapping[str, str]
) -> NoReturn:
    """Goes on as the program would after its imports."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["-c", *arguments]
    code = 1
    try:
        from schemad.cli.app import main  # now: what it prints on is made at the import

        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - it is told and ends with 1, as in a Python of its own
        traceback.print_exc()
    for written in (sys.stdout, sys.stderr):
        written.flush()
    os._exit(code)
