"""Failures that a user can meet: each verb tells them in words, names what mends them, and ends with 1."""

import asyncio
import contextlib
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from schemad.store import Connection
from tests.cli.program import (
    EXIT_BAD_INPUT,
    EXIT_FAILED,
    LOW_RISK,
    UNAPPROVABLE,
    Run,
    request_file,
    schemad_beside,
)
from tests.database.asking import submit
from tests.support.databases import Database, fields
from tests.support.servers import server_names

on_one_server = pytest.mark.parametrize("server", server_names()[-1:], indirect=True, scope="session")

# Every verb that works on a database; `doctor` tells what is not as it should be, and is tested apart.
VERBS = (
    "submit FILE",
    "list",
    "show 1",
    "wait 1",
    "approve 1 -r why",
    "reject 1 -r why",
    "cancel 1",
    "retry 1",
    "plan FILE --live",
    "describe thing",
    "prune",
    "policy show",
    "policy set max_fields 5",
    "policy protect orders",
    "policy unprotect orders",
    "policy allow-type uuid",
    "policy disallow-type uuid",
    "policy severity limit.fields warn",
    "run",
)
MIGRATE = ("migrate", "migrate --check")
OPENSSL = shutil.which("openssl")


@pytest.fixture
def nobody_there() -> Iterator[str]:
    """A DSN of an address at which nobody answers, nor can start to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"postgresql://127.0.0.1:{taken.getsockname()[1]}/app"


def certificate(directory: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody signed but itself, with its key, in a file."""
    assert OPENSSL is not None
    directory.mkdir()
    key, file = directory / "key", directory / "certificate"
    command = [OPENSSL, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(file)], check=True, capture_output=True)
    file.write_text(file.read_text() + key.read_text())
    return file


@contextlib.asynccontextmanager
async def encrypted(directory: Path) -> AsyncIterator[int]:
    """A port on which TLS is offered as PostgreSQL does it, with such a certificate; nothing else is there."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(directory / "server"))

    async def offer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)
        writer.write(b"S")
        with contextlib.suppress(OSError):  # the client refuses
            await writer.start_tls(context)
        writer.close()

    async with await asyncio.start_server(offer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def failure(verb: str, dsn: str, directory: Path) -> str:
    """What a verb that fails tells; as JSON is asked for, nothing is on standard output."""
    file = request_file(directory, "thing", LOW_RISK)
    run = await schemad_beside(*verb.replace("FILE", str(file)).split(), dsn=dsn)
    assert (run.code, run.out) == (EXIT_FAILED, ""), (verb, run)
    assert run.err.startswith("schemad: "), verb
    return run.err


@pytest.mark.parametrize("verb", [*VERBS, *MIGRATE, "doctor"])
async def test_nobody_at_the_address(verb: str, nobody_there: str, tmp_path: Path) -> None:
    said = await failure(verb, nobody_there, tmp_path)
    assert re.search(r"at 127\.0\.0\.1:\d+ \(is PostgreSQL running there\? .*`schemad dev` starts one", said)
    assert said.count("\n") == 1


@pytest.mark.skipif(OPENSSL is None, reason="there is no openssl, which makes the certificates")
@pytest.mark.parametrize("verb", ["list", "run", "doctor"])
async def test_a_server_with_a_certificate_that_is_not_trusted(verb: str, tmp_path: Path) -> None:
    async with encrypted(tmp_path) as port:
        root = certificate(tmp_path / "other")
        dsn = f"postgresql://me:secret@127.0.0.1:{port}/app?sslmode=verify-full&sslrootcert={root}"
        said = await failure(verb, dsn, tmp_path)
        assert "certificate verify failed" in said
        assert f", at 127.0.0.1:{port}, sslrootcert={root} (its certificate has to be for that host, and" in said
        assert "secret" not in said


@on_one_server
@pytest.mark.parametrize("verb", [*VERBS, *MIGRATE, "doctor"])
async def test_no_such_database_and_no_such_login(verb: str, database: Database, tmp_path: Path) -> None:
    dsn = database.dsn()
    said = await failure(verb, dsn.replace(database.name, "nowhere"), tmp_path)
    assert 'database "nowhere" does not exist (create the database' in said
    said = await failure(verb, database.dsn("no_such_login"), tmp_path)
    assert "no_such_login" in said
    assert "check the user and password in SCHEMAD_DSN" in said


@on_one_server
@pytest.mark.parametrize("verb", VERBS)
async def test_schemad_is_not_installed(verb: str, empty_database: Database, tmp_path: Path) -> None:
    assert "`schemad migrate`" in await failure(verb, empty_database.dsn(), tmp_path)


@on_one_server
@pytest.mark.parametrize("verb", [*VERBS, *MIGRATE])
async def test_a_login_without_a_role(verb: str, database: Database, tmp_path: Path) -> None:
    said = await failure(verb, database.dsn("stranger"), tmp_path)
    assert "permission denied for schema schemad" in said
    assert "hint: this login has none of the roles: GRANT schemad_requester lets it ask" in said


@on_one_server
@pytest.mark.parametrize(
    ("verb", "who"),
    [
        ("approve 1 -r why", "GRANT schemad_reviewer TO this login lets it decide"),
        ("reject 1 -r why", "GRANT schemad_reviewer TO this login lets it decide"),
        ("policy set max_fields 5", "the login that migrated"),
        ("policy allow-type uuid", "the login that migrated"),
        ("policy protect orders", "the login that migrated"),
    ],
)
async def test_a_login_with_another_role_is_told_which_one_it_lacks(
    verb: str, who: str, database: Database, tmp_path: Path
) -> None:
    async with database.connection("app_one") as app:
        await submit(app, "notes", fields("a"))
    said = await failure(verb, database.dsn("app_one"), tmp_path)
    assert "permission denied for function" in said
    assert who in said


@on_one_server
@pytest.mark.parametrize("verb", ["show", "wait", "approve", "reject", "cancel", "retry"])
async def test_no_such_request(verb: str, database: Database, tmp_path: Path) -> None:
    reason = " -r why" if verb in {"approve", "reject"} else ""
    said = await failure(f"{verb} 77{reason}", database.dsn(), tmp_path)
    assert "there is no request 77" in said
    assert "list_requests()" in said or "`schemad list`" in said


@on_one_server
async def test_what_is_no_text_is_wrong_input(database: Database) -> None:
    run = await schemad_beside("describe", "caf\udce9", dsn=database.dsn("app_one"))
    assert run.code == EXIT_BAD_INPUT
    assert run.err.startswith("schemad: invalid input for query argument $1: ")


async def test_no_such_table(database: Database, tmp_path: Path) -> None:
    said = await failure("describe nothing", database.dsn(), tmp_path)
    assert "schemad has no table 'nothing'" in said
    assert "hint: " in said


@on_one_server
async def test_a_request_that_nobody_could_approve_ends_alike_wherever_it_is_found_out(
    database: Database, daemon: object, tmp_path: Path
) -> None:
    async def code(verb: str, name: str, payload: object, dsn: str) -> int:
        file = request_file(tmp_path, name, payload)
        run: Run = await schemad_beside(verb, file, dsn=dsn)
        return run.code

    app = database.dsn("app_one")
    for payload in (UNAPPROVABLE, {"fields": [{"name": "a", "type": "tixt"}]}):
        assert await code("plan", "thing", payload, app) == EXIT_BAD_INPUT
        assert await code("submit", "thing", payload, app) == EXIT_BAD_INPUT


@on_one_server
async def test_a_limit_passes_by_itself_and_is_no_wrong_input(
    database: Database, admin: Connection, tmp_path: Path
) -> None:
    await admin.execute("SELECT schemad.set_policy('requests_per_minute', '1')")
    file = request_file(tmp_path, "thing", LOW_RISK)
    submit = ("submit", file, "--timeout", 0)
    await schemad_beside(*submit, dsn=database.dsn("app_one"))
    again = await schemad_beside(*submit, dsn=database.dsn("app_one"))
    assert again.code == EXIT_FAILED
    assert "hint: Come back in " in again.err
