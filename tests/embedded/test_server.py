"""What the embedded PostgreSQL promises, held against real servers."""

import errno
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemad import embedded
from schemad.embedded import (
    AlreadyRunning,
    BinariesNotFound,
    EmbeddedPostgres,
    EmbeddedPostgresError,
    find_binaries,
    installed_majors,
)

MAJORS = installed_majors()
QUICK = {"fsync": "off"}
WAIT = 20  # seconds, an upper bound for what takes a fraction of one
SOURCE = str(Path(embedded.__file__).parents[2])

pytestmark = pytest.mark.skipif(not MAJORS, reason="no PostgreSQL server programs here")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs pdeathsig and pidfd")


@pytest.fixture
def place() -> Iterator[Path]:
    memory = Path("/dev/shm")
    root = Path(tempfile.mkdtemp(prefix="embedded-", dir=memory if memory.is_dir() else None))
    yield root.resolve()
    shutil.rmtree(root)


@pytest.fixture
def server(place: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(place / "data", settings=QUICK) as running:
        yield running


def ask(server: EmbeddedPostgres, sql: str, dsn: str = "") -> str:
    command = [str(server.binaries.psql), "-XAtq", "-d", dsn or server.dsn(), "-c", sql]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def python(code: str, *arguments: object, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """A program that has `server`, not yet started, and ends when its stdin does."""
    program = f"""
import os, subprocess, sys
from pathlib import Path
from schemad.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), settings={QUICK!r})
{code}
"""
    return subprocess.Popen(
        [*prefix, sys.executable, "-c", program, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": SOURCE, "PYTHONDONTWRITEBYTECODE": "1"},
        start_new_session=True,
    )


def first_line(program: subprocess.Popen[str]) -> list[str]:
    assert program.stdout is not None
    return program.stdout.readline().split()


@pytest.mark.parametrize("major", MAJORS)
def test_each_installed_major_starts_and_answers_on_tcp_and_on_its_socket(place: Path, major: int) -> None:
    with EmbeddedPostgres(place / "data", major=major, settings=QUICK) as server:
        assert server.binaries.major == major
        version = int(ask(server, "show server_version_num"))
        assert version // 10_000 == major
        assert ask(server, "select host(inet_server_addr())") == "127.0.0.1"
        assert ask(server, "select inet_server_addr() is null", server.socket_dsn()) == "t"
        assert ask(server, "show fsync") == "off"
        assert ask(server, "show server_encoding") == "UTF8"
    assert server.pid is None


def test_it_listens_on_the_loopback_address_whatever_the_settings_say(place: Path) -> None:
    settings = {**QUICK, "listen_addresses": "*", "port": "1"}
    with EmbeddedPostgres(place / "data", settings=settings) as server:
        assert ask(server, "show listen_addresses") == "127.0.0.1"


def test_a_second_start_says_that_one_runs_and_where(server: EmbeddedPostgres) -> None:
    for second in (server, EmbeddedPostgres(server.data_dir)):
        with pytest.raises(AlreadyRunning) as refused:
            second.start()
        assert (refused.value.pid, refused.value.port, refused.value.dsn) == (
            server.pid,
            server.port,
            server.dsn(),
        )
        for word in (f"pid {server.pid}", f"port {server.port}"):
            assert word in str(refused.value)
    assert ask(server, "select 1") == "1"


def test_a_pid_that_is_another_user_s_by_now_is_no_server(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = EmbeddedPostgres(place / "data", settings=QUICK)
    stopped.start()
    file = stopped.data_dir / "postmaster.pid"
    left = file.read_text()
    stopped.stop()
    file.write_text("\n".join(["1", *left.splitlines()[1:]]) + "\n")
    kill = os.kill

    def kill_own(pid: int, number: int) -> None:
        if pid == 1:
            raise PermissionError(errno.EPERM, "Operation not permitted")
        kill(pid, number)

    monkeypatch.setattr(os, "kill", kill_own)
    stopped.start()
    try:
        assert ask(stopped, "select 1") == "1"
    finally:
        stopped.stop()


def test_two_programs_that_start_one_at_once_get_one_server(place: Path) -> None:
    code = """
try:
    server.start()
    print("started", server.pid, flush=True)
except Exception as error:
    print(type(error).__name__, getattr(error, "pid", error), flush=True)
sys.stdin.read()
server.stop()
"""
    programs = [python(code, place / "data") for _ in range(2)]
    said = sorted(first_line(program) for program in programs)
    for program in programs:
        program.communicate(timeout=WAIT)
    assert [each[0] for each in said] == ["AlreadyRunning", "started"]
    assert said[0][1] == said[1][1]


def test_a_restart_keeps_data_and_port(server: EmbeddedPostgres) -> None:
    ask(server, "create table kept as select 42 as answer")
    port = server.port
    server.stop()
    server.start()
    assert ask(server, "select answer from kept") == "42"
    assert server.port == port


def test_a_killed_server_starts_again_with_what_was_committed(server: EmbeddedPostgres) -> None:
    ask(server, "create table kept as select 42 as answer")
    server.kill()
    assert (server.data_dir / "postmaster.pid").exists()
    server.start()
    assert ask(server, "select answer from kept") == "42"


def test_a_server_killed_by_somebody_else_starts_again(server: EmbeddedPostgres) -> None:
    pid = server.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    server.start()
    assert ask(server, "select 1") == "1"


def test_stop_does_not_wait_longer_than_told_for_an_orderly_end(place: Path) -> None:
    archiving = {**QUICK, "archive_mode": "on", "archive_command": "sleep 60"}
    with EmbeddedPostgres(place / "data", settings=archiving) as server:
        ask(server, "create table written as select 1; select pg_switch_wal()")
        server.stop(timeout=0.2)
        assert server.pid is None
        assert "received immediate shutdown request" in server.log_path.read_text()


def test_a_stale_pid_file_with_the_pid_of_a_stranger_is_no_obstacle(
    server: EmbeddedPostgres,
) -> None:
    server.kill()
    stranger = python("sys.stdin.read()", server.data_dir)
    pid_file = server.data_dir / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
    try:
        server.start()
        assert ask(server, "select 1") == "1"
    finally:
        stranger.communicate(timeout=WAIT)


@linux_only
def test_the_server_dies_with_a_killed_parent(place: Path) -> None:
    program = python("server.start(); print(server.pid, flush=True); sys.stdin.read()", place / "data")
    postmaster = os.pidfd_open(int(first_line(program)[0]))
    try:
        program.kill()
        program.communicate()
        assert select.select([postmaster], [], [], WAIT)[0], "the postmaster outlived its parent"
    finally:
        os.close(postmaster)
    with EmbeddedPostgres(place / "data", settings=QUICK) as server:
        assert ask(server, "select 1") == "1"


def test_ctrl_c_reaches_the_program_and_not_the_server(place: Path) -> None:
    code = """
with server:
    try:
        print("ready", flush=True)
        sys.stdin.read()
    except KeyboardInterrupt:
        command = [server.binaries.psql, "-XAtqc", "select 'served'", server.dsn()]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        print(done.stdout, flush=True)
"""
    program = python(code, place / "data")
    assert first_line(program) == ["ready"]
    os.killpg(program.pid, signal.SIGINT)
    said, _ = program.communicate(timeout=WAIT)
    assert said.strip() == "served"
    assert program.returncode == 0
    assert not (place / "data" / "postmaster.pid").exists()


def test_a_normal_user_can_start_one(place: Path) -> None:
    for prefix in normal_user_prefixes():
        command = [*prefix, sys.executable, "-c", "import os; assert os.geteuid()"]
        if subprocess.run(command, check=False, capture_output=True).returncode == 0:
            break
    else:
        pytest.skip("no way to run this Python as a normal user")
    if any("--reuid" in each for each in prefix):
        os.chown(place, 65534, 65534)
    program = python("with server: print(os.geteuid(), server.pid, flush=True)", place / "data", prefix=prefix)
    said, _ = program.communicate(timeout=WAIT)
    user, pid = said.split()
    assert int(user) != 0
    assert pid.isdigit()


def normal_user_prefixes() -> list[tuple[str, ...]]:
    if os.geteuid() != 0:
        return [()]
    return [
        ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
        # Where root's own Python is closed to others: a namespace in which nobody is root.
        ("unshare", "--user", "--map-user=65534", "--map-group=65534"),
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_serves_a_directory_of_somebody_else_as_that_user(place: Path) -> None:
    place.chmod(0o711)
    data = place / "data"
    data.mkdir()
    os.chown(data, 65534, 65534)
    with EmbeddedPostgres(data, settings=QUICK) as server:
        assert ask(server, "select 1") == "1"
        assert (data / "PG_VERSION").stat().st_uid == 65534


@pytest.mark.skipif(len(MAJORS) < 2, reason="needs two major versions")
def test_a_directory_of_another_major_is_refused_by_both_names(place: Path) -> None:
    with EmbeddedPostgres(place / "data", major=MAJORS[0], settings=QUICK) as server:
        server.stop()
    with pytest.raises(EmbeddedPostgresError, match=rf"PostgreSQL {MAJORS[0]}.*{MAJORS[1]}"):
        EmbeddedPostgres(place / "data", major=MAJORS[1]).start()
    with EmbeddedPostgres(place / "data", settings=QUICK) as server:  # none asked for: its own
        assert server.binaries.major == MAJORS[0]


def test_a_busy_port_is_named(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EmbeddedPostgresError, match=rf"127\.0\.0\.1:{port}.*another port"):
            EmbeddedPostgres(place / "data", port=port).start()


def test_a_directory_that_holds_something_else_is_left_alone(place: Path) -> None:
    (place / "thesis.txt").write_text("years of work")
    for path in (place, place / "thesis.txt"):
        with pytest.raises(EmbeddedPostgresError, match="choose"):
            EmbeddedPostgres(path).start()
    assert [each.name for each in place.iterdir()] == ["thesis.txt"]


def test_a_failed_start_shows_what_the_server_said(place: Path) -> None:
    server = EmbeddedPostgres(place / "data", settings={"shared_buffers": "lots"})
    with pytest.raises(EmbeddedPostgresError, match=r'(?s)server\.log.*shared_buffers.*"lots"'):
        server.start()
    assert server.pid is None


def test_a_deep_directory_gets_its_socket_in_a_short_one(place: Path) -> None:
    with EmbeddedPostgres(place / ("deep" * 30) / "data", settings=QUICK) as server:
        short = server.socket_dir
        assert short != server.data_dir
        assert ask(server, "select 1", server.socket_dsn()) == "1"
    assert not short.exists()


@pytest.mark.parametrize("name", ['with "blanks" é', "with, comma"])
def test_a_data_directory_may_have_any_name(place: Path, name: str) -> None:
    with EmbeddedPostgres(place / name, settings=QUICK) as server:
        assert ask(server, "select 1", server.socket_dsn()) == "1"


def test_the_environment_variable_comes_first_and_must_hold_a_server(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = find_binaries(MAJORS[0])
    monkeypatch.setenv("SCHEMAD_PG_BIN", str(chosen.bin_dir))
    assert find_binaries() == chosen
    assert find_binaries(MAJORS[-1]).major == MAJORS[-1]
    monkeypatch.setenv("SCHEMAD_PG_BIN", str(place))
    with pytest.raises(BinariesNotFound, match="SCHEMAD_PG_BIN"):
        find_binaries()


def test_a_missing_major_is_told_with_where_was_searched_and_what_mends_it() -> None:
    with pytest.raises(BinariesNotFound) as missing:
        find_binaries(9)
    for word in ("PostgreSQL 9", "wheel", "PATH", "schemad[embedded]", "SCHEMAD_PG_BIN"):
        assert word in str(missing.value)
