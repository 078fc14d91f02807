"""The program `schemad`, run as its users run it: as a process of its own."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cli.forks import forks

PROGRAM = (sys.executable, "-c", "from schemad.cli.app import main; main()")
PATIENCE = 60.0

# Verbs that start servers or daemons, which end with them.
STARTED = ("bench", "demo", "dev")

EXIT_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_REVIEW = 3

SPEC_PAYLOAD = {
    "fields": [
        {"name": "preference_key", "type": "VARCHAR(255)", "nullable": False},
        {"name": "preference_value", "type": "TEXT", "nullable": True},
        {"name": "user_id", "type": "VARCHAR(255)", "nullable": False},
    ],
    "description": "Store user preferences",
}
LOW_RISK = {"fields": [{"name": "a", "type": "text"}]}
FOR_REVIEW = LOW_RISK | {"checks": ["repeat(a, 2) <> ''"]}
UNAPPROVABLE = {"fields": [{"name": "a", "type": "integer", "default": "many"}]}


@dataclass(frozen=True, slots=True)
class Run:
    """What a run of the program came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its standard output, which has to be JSON."""
        return json.loads(self.out)


def environment(dsn: str | None = None, **variables: str) -> dict[str, str]:
    """The environment of a run: this process's, without what would change what the program does."""
    ours = ("SCHEMAD_", "ENABLE_SCHEMA", "PG")
    kept = {n: v for n, v in os.environ.items() if not n.startswith(ours) or n == "SCHEMAD_PG_BIN"}
    named = {} if dsn is None else {"SCHEMAD_DSN": dsn}
    return kept | named | variables


def schemad(*arguments: object, dsn: str | None = None, stdin: str | bytes = b"", **variables: str) -> Run:
    """Runs the program. However it ends, it does so without a traceback."""
    given = [str(argument) for argument in arguments]
    fed = stdin.encode() if isinstance(stdin, str) else stdin
    around = environment(dsn, **variables)
    if _needs_a_start(given, variables):
        done = subprocess.run(
            [*PROGRAM, *given], input=fed, capture_output=True, check=False, env=around, timeout=PATIENCE
        )
        code, out, err = done.returncode, done.stdout, done.stderr
    else:
        code, out, err = forks().run(given, fed, around, PATIENCE)
    run = Run(code, out.decode(), err.decode())
    assert "Traceback" not in run.err, run.err
    assert "Exception" not in run.err, run.err
    return run


def _needs_a_start(arguments: Sequence[str], variables: Mapping[str, str]) -> bool:
    """Whether a fork would not do: for a verb that starts others, none at all, or what Python itself reads."""
    return arguments[:1] in ([], *([verb] for verb in STARTED)) or any(n.startswith("PYTHON") for n in variables)


async def schemad_beside(*arguments: object, dsn: str | None = None, stdin: str = "", **variables: str) -> Run:
    """Runs the program beside what runs in this process's event loop, such as a daemon."""
    return await asyncio.to_thread(schemad, *arguments, dsn=dsn, stdin=stdin, **variables)


def request_file(directory: Path, name: str, payload: object, **others: object) -> Path:
    """A file with a request in it, as the API takes it."""
    path = directory / f"{name}.json"
    path.write_text(json.dumps({"schema_name": name, "request_payload": payload} | others), encoding="utf-8")
    return path
