"""`schemad run`: what it refuses to start on, in one line that says what mends it."""

import pytest

from tests.cli.program import EXIT_FAILED, schemad
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


def test_a_login_without_privileges_is_refused_with_what_grants_them(database: Database) -> None:
    run = schemad("run", dsn=database.dsn("stranger"))
    assert (run.code, run.out) == (EXIT_FAILED, "")
    assert "permission denied for schema schemad" in run.err
    assert "schemad_daemon" in run.err
