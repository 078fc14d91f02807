"""`schemad dev`: a PostgreSQL with the daemon on it in one command, and gone again with it."""

import contextlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.program import (
    EXIT_FAILED,
    PATIENCE,
    PROGRAM,
    SPEC_PAYLOAD,
    environment,
    schemad,
)


class Dev:
    """A running `schemad dev`, once it has said how to reach it."""

    def __init__(self, process: subprocess.Popen[str], data_dir: Path) -> None:
        self.process = process
        self.data_dir = data_dir
        assert process.stdout is not None
        said: list[str] = []
        for line in process.stdout:
            said.append(line)
            if "Ctrl-C ends both" in line:
                break
        self.said = "".join(said)
        found = re.search(r"^  export SCHEMAD_DSN=(\S+)$", self.said, re.MULTILINE)
        assert found, (self.said, process.poll())
        self.dsn = found[1]
        self.port = int(self.dsn.rpartition(":")[2].partition("/")[0])
        self.postmaster = int((data_dir / "postmaster.pid").read_text().splitlines()[0])

    def psql(self, *commands: str) -> list[str]:
        """What psql prints, run as `schemad dev` says it is run."""
        line = re.search(r"^  (\S*psql) (\S+)$", self.said, re.MULTILINE)
        assert line, self.said
        each = [part for command in commands for part in ("-c", command)]
        done = subprocess.run(
            [line[1], line[2], "-XAtq", *each], capture_output=True, text=True, check=True, env=environment()
        )
        return done.stdout.splitlines()

    def end(self, number: signal.Signals) -> int:
        """Its exit code after a signal."""
        self.process.send_signal(number)
        self.process.communicate(timeout=PATIENCE)
        return self.process.returncode


@contextlib.contextmanager
def running_dev(data_dir: Path, *options: str) -> Iterator[Dev]:
    """`schemad dev` on a directory; killed afterwards, if it was not ended."""
    process = subprocess.Popen(
        [*PROGRAM, "dev", "--data-dir", str(data_dir), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(),
    )
    with process:
        try:
            yield Dev(process, data_dir)
        finally:
            process.kill()


@contextlib.contextmanager
def watched(pid: int) -> Iterator[int]:
    """A handle on a process that is readable once the process has ended."""
    handle = os.pidfd_open(pid)
    try:
        yield handle
    finally:
        os.close(handle)


def has_ended(handle: int, within: float = 0) -> bool:
    return bool(select.select([handle], [], [], within)[0])


def answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def place() -> Iterator[Path]:
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="schemad-dev-", dir=memory if memory.is_dir() else None) as directory:
        yield Path(directory).resolve()


@pytest.mark.parametrize("major", ["16", "18"])
def test_a_call_from_psql_makes_the_table(place: Path, major: str) -> None:
    with running_dev(place / "data", "--port", "0", "--pg", major) as dev:
        assert f"PostgreSQL {major} and the daemon are running." in dev.said
        request_id, status, verdict, columns = dev.psql(
            f"SELECT schemad.submit_request('user123', 'user_preferences', '{json.dumps(SPEC_PAYLOAD)}')",
            "SELECT status FROM schemad.wait_for_request(1)",
            "SELECT verdict FROM schemad.list_requests()",
            "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute "
            "WHERE attrelid = 'user_preferences'::regclass AND attnum > 0",
        )
        assert (request_id, status, verdict) == ("1", "approved", "auto")
        assert columns == "id preference_key preference_value user_id"
        assert dev.psql("SHOW server_version_num")[0].startswith(major)
        assert dev.end(signal.SIGTERM) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="needs pidfd")
def test_it_keeps_its_data_and_its_port_and_leaves_no_process_behind(place: Path) -> None:
    port = free_port()
    for run, number in enumerate((signal.SIGTERM, signal.SIGINT)):
        with running_dev(place / "data", "--port", str(port)) as dev, watched(dev.postmaster) as postmaster:
            assert dev.port == port
            assert str(place / "data") in dev.said
            if run == 0:
                dev.psql("CREATE TABLE kept AS SELECT 42 AS answer")
            assert dev.psql("SELECT answer FROM kept") == ["42"]
            assert dev.end(number) == 0
            assert has_ended(postmaster)
            assert not answers(port)
            assert not (place / "data" / "postmaster.pid").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="needs pdeathsig and pidfd")
def test_a_second_one_says_where_the_first_runs_and_a_killed_one_takes_the_server_along(place: Path) -> None:
    with running_dev(place / "data", "--port", "0") as dev, watched(dev.postmaster) as postmaster:
        second = schemad("dev", "--data-dir", place / "data")
        assert (second.code, second.out) == (EXIT_FAILED, "")
        for word in ("already runs", f"pid {dev.postmaster}", f"port {dev.port}", f"SCHEMAD_DSN={dev.dsn}"):
            assert word in second.err
        assert dev.psql("SELECT 1") == ["1"]

        assert dev.end(signal.SIGKILL) == -signal.SIGKILL
        assert has_ended(postmaster, PATIENCE)
        assert not answers(dev.port)


def test_a_busy_port_is_told_with_what_to_do(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = schemad("dev", "--data-dir", place / "data", "--port", port)
    assert (run.code, run.out) == (EXIT_FAILED, "")
    assert f"cannot listen on 127.0.0.1:{port}" in run.err
    assert "choose another port" in run.err


@pytest.mark.skipif(not os.path.exists("/proc"), reason="there is no /proc, where not even root makes files")
def test_a_place_for_the_data_that_is_not_writable_is_told_as_such() -> None:
    run = schemad("dev", "--data-dir", "/proc/schemad")
    assert (run.code, run.out) == (EXIT_FAILED, "")
    assert run.err.startswith("schemad: can't use /proc/schemad: ")
    assert "PostgreSQL" not in run.err


def test_a_major_version_that_is_not_there_is_told_with_where_was_searched(place: Path) -> None:
    run = schemad("dev", "--data-dir", place / "data", "--pg", "9")
    assert (run.code, run.out) == (EXIT_FAILED, "")
    assert "no PostgreSQL 9 found; searched" in run.err


def test_without_the_extra_it_says_what_to_install() -> None:
    program = "import sys; sys.modules['platformdirs'] = None; from schemad.cli.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "dev"], capture_output=True, text=True, check=False, env=environment()
    )
    assert (done.returncode, done.stdout) == (EXIT_FAILED, "")
    assert done.stderr == "schemad: give --data-dir, or run `pip install 'schemad[embedded]'`\n"
