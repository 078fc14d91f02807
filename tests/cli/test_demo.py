"""`schemad demo`: everything at once, on a server of its own, with nothing left behind."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemad.cli.exit_code import ExitCode
from schemad.embedded.binaries import find_binaries
from tests.cli.program import PATIENCE, PROGRAM, environment

NORMAL_USERS = [
    ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
    # Where root's own Python is closed to others: a namespace in which nobody is root.
    ("unshare", "--user", "--map-user=65534", "--map-group=65534"),
]


@pytest.fixture
def place() -> Iterator[Path]:
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="demo-", dir=memory if memory.is_dir() else None) as directory:
        yield Path(directory).resolve()


def normal_user() -> tuple[str, ...]:
    """What to put before a command so that somebody else than root runs it."""
    if os.geteuid() != 0:
        return ()
    for prefix in NORMAL_USERS:
        command = [*prefix, sys.executable, "-c", "import schemad, os; assert os.geteuid()"]
        if subprocess.run(command, check=False, capture_output=True).returncode == 0:
            return prefix
    pytest.skip("no way to run this Python as a normal user")


@pytest.mark.parametrize("as_whom", ["this user", "a normal user"])
def test_it_shows_tables_a_held_request_and_a_refused_one(place: Path, as_whom: str) -> None:
    prefix = normal_user() if as_whom == "a normal user" else ()
    # What is set for a daemon of one's own says nothing of the demo's.
    others = {"SCHEMAD_LISTEN": "off", "SCHEMAD_METRICS_ADDR": "no-such-host.invalid:9187"}
    variables = environment(TMPDIR=str(place), HOME=str(place), **others)
    if prefix:
        # Where `make coverage` has its files, somebody else can't write any, and says so on stderr.
        variables.pop("COVERAGE_PROCESS_CONFIG", None)
    if any("--reuid" in part for part in prefix):
        os.chown(place, 65534, 65534)
    done = subprocess.run(
        [*prefix, *PROGRAM, "demo"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd=place,
        env=variables,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stderr) == (0, "")
    shown = done.stdout
    in_order = [
        "SELECT schemad.submit_request('user123', 'user_preferences', ",
        "created public.user_preferences with 4 fields, in ",
        "created public.user_activity_log with 4 fields, in ",
        "waits for review, after ",
        "[reference.protected]",
        "an approval would run exactly this",
        'CREATE TABLE "public"."message_ratings"',
        "refused at once",
        "'varchar(10)) ; DROP TABLE user_preferences; --' can't be read as a type",
        "hint: ",
        'Table "public.user_preferences"',
        "preference_key",
        '"user_preferences_pkey" PRIMARY KEY, btree (id)',
    ]
    rest = shown
    for part in in_order:
        _, found, rest = rest.partition(part)
        assert found, f"no {part!r} in its place in:\n{shown}"
    assert "schemad dev" not in shown  # how to go on is said on a terminal
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED)],
    ids=["Ctrl-C", "SIGTERM"],
)
def test_a_demo_that_is_broken_off_says_so_by_its_exit_code_and_leaves_nothing_behind(
    place: Path, number: signal.Signals, code: ExitCode
) -> None:
    programs, temporary = place / "bin", place / "tmp"
    for directory in (programs, temporary):
        directory.mkdir()
    for program in find_binaries().bin_dir.iterdir():
        (programs / program.name).symlink_to(program)
    # It is called while the daemon is at work.
    psql = programs / "psql"
    psql.unlink(missing_ok=True)
    psql.write_text(f"#!/bin/sh\nkill -{number.value} $PPID\n", encoding="utf-8")
    for each in (place, psql):
        each.chmod(0o755)  # the server may be another user's
    done = subprocess.run(
        [*PROGRAM, "demo"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env=environment(TMPDIR=str(temporary), SCHEMAD_PG_BIN=str(programs)),
        timeout=PATIENCE,
    )
    assert done.returncode == code, done.stderr
    assert "4. A hostile one" in done.stdout
    assert "Traceback" not in done.stderr
    assert list(temporary.iterdir()) == []
