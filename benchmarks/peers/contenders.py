"""Who takes part: how each is started, how an application asks it for a table, and what it is called."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.duties.recorder import recorder
from benchmarks.duties.sql_alone import sql_alone
from schemad.bench.contenders import Running, process, schemad, smallest_daemon
from schemad.bench.smallest_daemon import CHANNEL
from schemad.store import Connection, connect, migrate

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SQL = HERE / "sql"
SUBMIT = "SELECT schemad.submit_request('bench', $1, $2)"
# Contenders that look for work at intervals make so many tables an interval, whatever the machine.
POLLED_EACH_SECOND, POLLED_EACH_TWO_SECONDS = 10, 1


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to make tables on request.

    Attributes:
        key: Its name in identifiers.
        name: Its name for people.
        run: Starts it on a database, and ends it.
        ask: The SQL by which an application asks for a table; $1 its name, $2 the payload.
        records: The schema that has its records; None: it writes none.
        polled: Tables an interval, where it works at intervals only; None: it is woken.
    """

    key: str
    name: str
    run: Callable[[str], Running]
    ask: str
    records: str | None = "app"
    polled: int | None = None


def contenders() -> list[Contender]:
    """All of them, in the order in which they are shown."""
    return [
        # It has no use for the payload: its table is always the same.
        Contender(
            "smallest_daemon",
            "smallest daemon",
            smallest_daemon,
            f"SELECT pg_notify('{CHANNEL}', $1) WHERE $2::text IS NOT NULL",
            records=None,
        ),
        Contender("least_that_records", "least that records", recorder, SUBMIT, records="schemad"),
        Contender("sql_alone", "schemad's SQL alone", sql_alone, SUBMIT, records="schemad"),
        Contender("schemad", "schemad", schemad, SUBMIT, records="schemad"),
        _node("graphile_worker", "tuned", "ask_graphile_worker"),
        _node("graphile_worker", "plain", "ask_graphile_worker"),
        _node("pg_boss", "tuned", "ask_pg_boss_notify"),
        _node("pg_boss", "plain", "ask_pg_boss", polled=POLLED_EACH_TWO_SECONDS),
        _python("procrastinate", "tuned"),
        _python("procrastinate", "plain"),
        _python("pgqueuer", "tuned"),
        _python("pgqueuer", "plain"),
        Contender(
            "polling_worker",
            "worker that polls each second",
            lambda dsn: process("-m", "benchmarks.peers.polling_worker", dsn, ready="ready"),
            _sql("ask_polling_worker"),
            polled=POLLED_EACH_SECOND,
        ),
    ]


async def prepare(contender: Contender, dsn: str) -> None:
    """Makes the tables that its records go to. Its own tables it makes itself, when it starts."""
    connection: Connection = await connect(dsn, job="bench")
    if contender.records == "schemad":
        await migrate(connection)
    elif contender.records:
        await connection.execute(_sql("control_tables"))
        await connection.execute(_sql("create_tables"))
    await connection.close()


def node() -> str:
    """A Node.js that is new enough for the peers: the one that is installed with them, or else the machine's.

    Raises:
        FileNotFoundError: There is none.
    """
    installed = next(HERE.glob("node_modules/node-*/bin/node"), None) or shutil.which("node")
    if installed is None:
        raise FileNotFoundError(
            "there is no Node.js: install Node.js 22.18 or newer, and run make bench-peers again"
        )
    return str(installed)


def _node(package: str, manner: str, ask: str, polled: int | None = None) -> Contender:
    script = str(HERE / f"with_{package}.mjs")
    return Contender(
        f"{package}_{manner}",
        f"{package.replace('_', '-')}, {manner}",
        lambda dsn: process(script, dsn, manner, ready="ready", program=node()),
        _sql(ask),
        polled=polled,
    )


def _python(package: str, manner: str) -> Contender:
    program, module = str(HERE / ".venv" / "bin" / "python"), f"benchmarks.peers.with_{package}"
    return Contender(
        f"{package}_{manner}",
        f"{package}, {manner}",
        lambda dsn: process("-m", module, dsn, manner, ready="ready", program=program, PYTHONPATH=os.fspath(ROOT)),
        _sql(f"ask_{package}"),
    )


def _sql(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")
