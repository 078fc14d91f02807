"""Credentials: a DSN or a password in a file that the service manager hands over."""

import inspect
import os
from collections.abc import Iterator
from pathlib import Path

import asyncpg.connect_utils
import pytest

from schemad.credentials import CredentialError, read_credentials, with_password
from schemad.settings import Settings
from tests.cli.program import EXIT_BAD_INPUT, schemad
from tests.support.databases import Database
from tests.support.servers import server_names

PASSWORD = "it's: 100% @home/?&#+"  # noqa: S105 - of nobody
# Whom root has to become for a file that can't be read.
NOBODY = 65534

on_one_server = pytest.mark.parametrize("server", server_names()[-1:], indirect=True, scope="session")


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory that the service manager names; no variable says anything else."""
    for name in ("SCHEMAD_DSN", "SCHEMAD_LISTEN_DSN", "SCHEMAD_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    return tmp_path


def credential(directory: Path, name: str, content: str | bytes, mode: int = 0o600) -> Path:
    file = directory / f"schemad.{name}"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    file.chmod(mode)
    return file


@on_one_server
def test_the_dsn_of_a_credential_is_connected_to(database: Database, directory: Path) -> None:
    credential(directory, "dsn", database.dsn() + "\n")
    run = schemad("migrate", "--check", CREDENTIALS_DIRECTORY=str(directory))
    assert (run.code, run.out, run.err) == (0, "current\n", "")


def test_a_credential_gives_way_to_a_variable_and_this_to_the_command_line(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credential(directory, "dsn", "postgresql://of-credential")
    assert Settings.load().dsn == "postgresql://of-credential"
    monkeypatch.setenv("SCHEMAD_DSN", "postgresql://of-variable")
    assert Settings.load().dsn == "postgresql://of-variable"
    assert Settings.load("postgresql://of-option").dsn == "postgresql://of-option"


def test_credentials_of_other_programs_are_left_alone(directory: Path) -> None:
    (directory / "dsn").write_text("postgresql://elsewhere")
    assert read_credentials(os.environ) == {}
    assert Settings.load().dsn is None


def test_without_a_directory_there_are_no_credentials() -> None:
    assert read_credentials({}) == {}


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://",
        "postgresql://user@host/database",
        "postgresql:///database?host=/run/postgresql",
        "postgresql://user@one:1,two:2/database?target_session_attrs=read-write",
    ],
)
def test_a_password_of_any_characters_reaches_the_driver(dsn: str) -> None:
    # What connects in earnest is `make test-systemd`: servers of the tests ask for no password.
    parse = getattr(asyncpg.connect_utils, "_parse_connect_dsn_and_args")  # noqa: B009 - unknown to its stubs
    arguments: dict[str, object] = dict.fromkeys(inspect.signature(parse).parameters)
    _, read = parse(**(arguments | {"dsn": with_password(dsn, PASSWORD), "database": "d", "user": "u"}))
    assert read.password == PASSWORD


@pytest.mark.parametrize(
    "dsn", ["postgresql://u:own@h/d", "postgresql://u@h/d?password=own", "postgresql://[::1/d"]
)
def test_a_dsn_with_a_password_of_its_own_keeps_it(dsn: str) -> None:
    assert with_password(dsn, "another") == dsn


def test_the_password_goes_to_the_listener_s_dsn_as_well_and_is_shown_nowhere(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credential(directory, "password", "secret\n")
    monkeypatch.setenv("SCHEMAD_DSN", "postgresql://pooler/app")
    monkeypatch.setenv("SCHEMAD_LISTEN_DSN", "postgresql://server/app")
    settings = Settings.load()
    assert settings.dsn == "postgresql://pooler/app?password=secret"
    assert settings.dsn_for_listening == "postgresql://server/app?password=secret"
    assert str(settings.password) == "**********"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "is empty"),
        ("\n", "is empty"),
        (b"\xff\xfe", "is no UTF-8 text"),
        ("postgresql://a\npostgresql://b\n", "has to be one line"),
    ],
)
def test_a_credential_that_makes_no_sense_is_named(directory: Path, content: str | bytes, why: str) -> None:
    file = credential(directory, "dsn", content)
    run = schemad("run", CREDENTIALS_DIRECTORY=str(directory))
    assert run.code == EXIT_BAD_INPUT
    assert run.err.startswith(f"schemad: the credential {file} {why}")
    assert run.err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("password", "secret\udcff", "SCHEMAD_PASSWORD: it is no UTF-8 text"),
        ("dsn", "postgresql://u:secret\udcff@h/d", "SCHEMAD_DSN: it is no UTF-8 text"),
        ("metrics_addr", "postgresql://u:secret@h/d", "SCHEMAD_METRICS_ADDR: it is no address"),
        ("batch_size", "postgresql://u:secret@h/d", "SCHEMAD_BATCH_SIZE: it is not a whole number"),
    ],
)
def test_an_error_of_a_setting_shows_no_password(name: str, value: str, said: str) -> None:
    run = schemad("list", dsn="postgresql://u:secret@h/d", **{f"SCHEMAD_{name.upper()}": value})
    assert run.code == EXIT_BAD_INPUT
    assert said in run.err
    assert "secret" not in run.err


def test_a_credential_that_anybody_may_change_is_refused(directory: Path) -> None:
    file = credential(directory, "password", "secret", mode=0o666)
    with pytest.raises(CredentialError, match="anybody may change the credential") as raised:
        read_credentials(os.environ)
    assert str(file) in str(raised.value)


def test_a_credential_that_can_t_be_read_is_named_with_the_reason(directory: Path) -> None:
    # A directory in its place: root, whom tests may run as, reads a file of any mode.
    (directory / "schemad.dsn").mkdir()
    run = schemad("run", CREDENTIALS_DIRECTORY=str(directory))
    assert run.code == EXIT_BAD_INPUT
    assert run.err == f"schemad: can't read the credential {directory}/schemad.dsn: Is a directory\n"


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """This process without root's rights, where it has them."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_credential_without_the_right_to_read_it_is_named(directory: Path, unprivileged: None) -> None:
    if os.geteuid() != NOBODY:
        credential(directory, "dsn", "postgresql://", mode=0)
    with pytest.raises(CredentialError, match="Permission denied") as raised:
        read_credentials(os.environ)
    assert f"{directory}/schemad." in str(raised.value)
