"""`schemad run`: what it refuses to start on, in one line that says what mends it."""

import pytest

from tests.cli.program import EXIT_BAD_INPUT, EXIT_FAILED, schemad
from tests.support.databases import Database
from tests.support.servers import server_names

pytestmark = pytest.mark.parametrize("server", server_names()[-1:], indirect=True, scope="session")


def test_a_database_that_is_not_there_is_named(database: Database) -> None:
    run = schemad("run", dsn=database.server.dsn("no_such_database"))
    assert (run.code, run.out) == (EXIT_FAILED, "")
    assert run.err.startswith("schemad: can't connect to PostgreSQL: ")
    assert '"no_such_database" does not exist (create the database,' in run.err
    assert run.err.count("\n") == 1


def test_a_database_without_the_schema_is_refused_with_what_installs_it(empty_database: Database) -> None:
    run = schemad("run", "--dsn", empty_database.dsn())
    assert (run.code, run.out) == (EXIT_FAILED, "")
    assert run.err == "schemad: this database has no schema schemad: run `schemad migrate` as its owner\n"


def test_a_listen_dsn_to_a_database_in_which_no_request_is_made_is_refused(database: Database) -> None:
    run = schemad("run", dsn=database.dsn("daemon_login"), SCHEMAD_LISTEN_DSN=database.server.dsn("postgres"))
    assert (run.code, run.out) == (EXIT_FAILED, "")
    leads = "schemad: SCHEMAD_LISTEN_DSN leads to another database than SCHEMAD_DSN, "
    assert run.err.startswith(f"{leads}postgres, and not {database.name}: ")


def test_a_login_without_privileges_is_refused_with_what_grants_them(database: Database) -> None:
    run = schemad("run", dsn=database.dsn("stranger"))
    assert (run.code, run.out) == (EXIT_FAILED, "")
    assert "permission denied for schema schemad" in run.err
    assert "schemad_daemon" in run.err


@pytest.mark.parametrize(
    ("dsn", "said"),
    [
        ("postgresql://me:secret/word@127.0.0.1/a", "is to be written as %2F"),
        ("postgresql://me:secret?word@127.0.0.1/a", "is to be written as %2F"),
        ("postgresql://me:x?secret@127.0.0.1/a", "is to be written as %2F"),
        ("postgresql://me:x@secret:secret@127.0.0.1/a", "or %40"),
        ("postgresql://me:[secret]@127.0.0.1/a", "is to be written as %5B"),
        ("postgresql://me:secret\u2100@127.0.0.1/a", "percent-encoding"),
        ("postgresql://me:secret", "@ and the host are missing"),
        ("postgresql://127.0.0.1/a?password=x&secret", "is to be written as %26"),
        ("postgresql://me:secret@127.0.0.1:abc/a", "the port 'abc' is no number"),
        (
            "postgresql://me:secret@127.0.0.1/a?target_session_attrs=foo",
            "target_session_attrs is 'foo', and may be any, primary, ",
        ),
    ],
)
def test_a_dsn_that_can_not_be_read_is_bad_input(database: Database, dsn: str, said: str) -> None:
    run = schemad("run", dsn=dsn)
    assert run.code == EXIT_BAD_INPUT
    assert said in run.err
    assert "secret" not in run.err


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("no-such-host.invalid/a", ", at no-such-host.invalid ("),
        ("127.0.0.1:1/a", ", at 127.0.0.1:1 ("),
        ("127.0.0.1:1/a?sslmode=verify-ca&sslrootcert=/nowhere/ca.crt", ", sslrootcert=/nowhere/ca.crt ("),
    ],
)
def test_where_it_could_not_connect_is_named_and_no_password(database: Database, query: str, said: str) -> None:
    run = schemad("run", dsn=f"postgresql://me:secret@{query}")
    assert (run.code, said in run.err) == (EXIT_FAILED, True), run.err
    assert "secret" not in run.err
    listening = f"postgresql://me:secret@{query}"
    run = schemad("run", dsn=database.dsn("daemon_login"), SCHEMAD_LISTEN_DSN=listening)
    assert said.removesuffix(" (") + ", SCHEMAD_LISTEN_DSN leads there" in run.err
    assert "secret" not in run.err
