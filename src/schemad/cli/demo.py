"""`schemad demo`: four requests on a server of their own, from the first table to a hostile one."""

import asyncio
import json
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from schemad.cli.exit_code import ExitCode
from schemad.cli.options import Major
from schemad.cli.output import out, print_error, print_findings, print_sql, say
from schemad.cli.progress import progress
from schemad.cli.run import run_fast
from schemad.daemon import Daemon
from schemad.embedded import EmbeddedPostgres
from schemad.embedded.dev_database import DevDatabase, prepare
from schemad.observe import configure_logging
from schemad.settings import LogFormat, LogLevel, Settings
from schemad.store import Connection, connect, requests
from schemad.store.errors import explain

REQUESTER = "user123"
DECISION_DEADLINE = 10.0


@dataclass(frozen=True, slots=True)
class Example:
    """A request to show, and what is to come of it."""

    title: str
    schema_name: str
    payload: dict[str, Any]
    expected: str


EXAMPLES = (
    Example(
        "A table, as an application asks for it",
        "user_preferences",
        {
            "fields": [
                {"name": "preference_key", "type": "VARCHAR(255)", "nullable": False},
                {"name": "preference_value", "type": "TEXT", "nullable": True},
                {"name": "user_id", "type": "VARCHAR(255)", "nullable": False},
            ],
            "description": "Store user preferences",
        },
        "approved",
    ),
    Example(
        "Another one",
        "user_activity_log",
        {
            "fields": [
                {"name": "activity_type", "type": "VARCHAR(100)", "nullable": False},
                {"name": "activity_data", "type": "JSONB", "nullable": True},
                {"name": "user_id", "type": "VARCHAR(255)", "nullable": False},
            ],
            "description": "Log user activity for analytics",
        },
        "approved",
    ),
    Example(
        "One that a person has to look at",
        "message_ratings",
        {
            "fields": [
                {"name": "message_id", "type": "bigint", "references": {"table": "messages"}},
                {"name": "rating", "type": "smallint", "nullable": False},
            ],
            "checks": ["rating BETWEEN 1 AND 5"],
        },
        "review",
    ),
    Example(
        "A hostile one",
        "harmless",
        {"fields": [{"name": "note", "type": "varchar(10)) ; DROP TABLE user_preferences; --"}]},
        "refused",
    ),
)


class DemoFailed(Exception):
    """Something did not come out as shown in the documentation."""


def add_to(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command()(demo)


def demo(major: Major = None) -> None:
    """See it work: four requests on a PostgreSQL and a daemon of its own. Leaves nothing behind."""
    configure_logging(LogFormat.AUTO, LogLevel.ERROR)
    with tempfile.TemporaryDirectory(prefix="schemad-demo-") as directory:
        say("starting an embedded PostgreSQL …", style="dim")
        try:
            server = EmbeddedPostgres(Path(directory) / "data", major=major)
            try:
                with progress("starting PostgreSQL"):
                    server.start()
                run_fast(_demo(server))
            finally:
                server.stop()
        except DemoFailed as error:
            print_error(str(error))
            raise typer.Exit(ExitCode.FAILED) from error
        except asyncio.CancelledError as error:
            raise typer.Exit(ExitCode.TERMINATED) from error
    if out.is_terminal:
        say("\nGo on: `schemad dev` starts the same to stay, and prints how to reach it with psql.")
        say("README.md has the way into an application of yours.")


async def _demo(server: EmbeddedPostgres) -> None:
    """Shows it; SIGTERM ends it as Ctrl-C does, with nothing left behind."""
    task = asyncio.current_task()
    if task is not None and sys.platform != "win32":
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with progress("installing schemad"):
        database = await prepare(server)
    say(f"PostgreSQL {server.binaries.major} runs, with the schema `schemad` in it", style="dim")
    ready = asyncio.Event()
    ours = {
        "dsn": database.daemon_dsn,
        "listen": True,
        "listen_dsn": None,
        "enable_auto_create": True,
        "metrics_addr": None,
    }
    daemon = Daemon(Settings.load().model_copy(update=ours), on_ready=ready.set)
    running = asyncio.create_task(daemon.run(handle_signals=False))
    waiting = asyncio.create_task(ready.wait())
    connection = await connect(database.dsn, job="demo")
    try:
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running
        say("the daemon listens", style="dim")
        for number, example in enumerate(EXAMPLES, 1):
            say(f"\n{number}. {example.title}", style="bold")
            await _show(connection, example)
        _show_table(server, database)
    finally:
        waiting.cancel()
        daemon.stop()
        await running
        await connection.close()


async def _show(connection: Connection, example: Example) -> None:
    payload = json.dumps(example.payload)
    say(f"   SELECT schemad.submit_request('{REQUESTER}', '{example.schema_name}', '{payload}')", style="cyan")
    started = time.perf_counter()
    try:
        request_id = await requests.submit(connection, REQUESTER, example.schema_name, payload)
    except Exception as error:
        words = explain(error)
        if words is None or example.expected != "refused":
            raise
        say("   refused at once:", style="red")
        say("   " + words.replace("\n", "\n   "))
        return
    request = await requests.wait(connection, request_id, DECISION_DEADLINE)
    milliseconds = (time.perf_counter() - started) * 1000
    result = request["verdict"] if request["status"] == "pending" else request["status"]
    if result != example.expected:
        raise DemoFailed(f"{example.schema_name} is {result}, not {example.expected}: {request['message']}")
    if result == "approved":
        say(f"   {request['message']}, in {milliseconds:.1f} ms", style="green")
        return
    say(f"   waits for review, after {milliseconds:.1f} ms:", style="yellow")
    print_findings(request["findings"])
    say("   and an approval would run exactly this:", style="dim")
    print_sql(request["plan_sql"])


def _show_table(server: EmbeddedPostgres, database: DevDatabase) -> None:
    """The first table, as psql shows it."""
    command = [str(server.binaries.psql), "-X", "-d", database.dsn, "-c", r"\d user_preferences"]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    if shown.returncode:
        raise DemoFailed(f"psql can't show the table: {shown.stderr.strip()}")
    say("\nWhat is there now: psql's \\d user_preferences", style="bold")
    say(shown.stdout.rstrip())
