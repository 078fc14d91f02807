"""`schemad migrate`: installing, being current, checking, and the script for a DBA to run by hand."""

import subprocess

import pytest

from schemad.embedded import find_binaries
from schemad.store.sql_files import migrations, reapplied, roles
from tests.cli.program import EXIT_FAILED, Run, schemad, schemad_beside
from tests.support.databases import Database
from tests.support.servers import server_names

pytestmark = pytest.mark.parametrize("server", server_names()[-1:], indirect=True, scope="session")

OBJECTS = [file.name for file in (*migrations(), *reapplied())]
ROLES = [file.name for file in roles()]


def test_it_installs_once_and_then_is_current(empty_database: Database) -> None:
    dsn = empty_database.dsn()
    behind = schemad("migrate", "--check", "--json", dsn=dsn)
    assert (behind.code, behind.json) == (1, {"pending": OBJECTS + ROLES})
    installed = schemad("migrate", dsn=dsn)
    assert (installed.code, installed.err) == (0, "")
    assert installed.out == f"applied {len(OBJECTS + ROLES)} files\n"
    assert schemad("migrate", "--json", dsn=dsn) == Run(0, '{\n  "applied": []\n}\n', "")
    assert schemad("migrate", dsn=dsn) == Run(0, "current: nothing to do\n", "")
    assert schemad("migrate", "--check", dsn=dsn) == Run(0, "current\n", "")


async def test_without_roles_nothing_of_a_role_is_installed(empty_database: Database) -> None:
    run = await schemad_beside("migrate", "--no-roles", "--json", dsn=empty_database.dsn())
    assert (run.code, run.json) == (0, {"applied": OBJECTS})
    async with empty_database.connection() as connection:
        assert await connection.fetchval("SELECT owner_role FROM schemad.policy") is None
        assert await connection.fetchval("SELECT count(*) FROM pg_policies WHERE schemaname = 'schemad'") == 0
    assert (await schemad_beside("migrate", "--check", "--no-roles", dsn=empty_database.dsn())).code == 0
    # The choice is kept: nobody finds row security installed by an upgrade.
    assert (await schemad_beside("migrate", "--check", dsn=empty_database.dsn())).code == 0
    assert (await schemad_beside("migrate", "--check", "--roles", dsn=empty_database.dsn())).code == 1


@pytest.mark.parametrize(("options", "with_dsn"), [([], False), (["--no-roles"], True)])
def test_what_it_prints_installs_the_same_by_hand(
    empty_database: Database, options: list[str], with_dsn: bool
) -> None:
    dsn = empty_database.dsn()
    script = schemad("migrate", "--print", *options, dsn=dsn if with_dsn else None)
    assert script.code == 0
    psql = [str(find_binaries().psql), "-XqAt", "-d", dsn]
    done = subprocess.run(psql, input=script.out, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert schemad("migrate", "--check", *options, dsn=dsn) == Run(0, "current\n", "")
    assert "Current: nothing to do." in schemad("migrate", "--print", *options, dsn=dsn).out


def test_a_login_that_may_not_install_is_told_what_it_lacks(empty_database: Database) -> None:
    run = schemad("migrate", dsn=empty_database.dsn("stranger"))
    assert (run.code, run.out) == (EXIT_FAILED, "")
    assert "permission denied" in run.err
    assert "owner of the database" in run.err
