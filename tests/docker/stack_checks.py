"""What is promised of the services of compose.yaml together."""

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from schemad.store import Connection, connect
from tests.docker.engine import Stack, daemon_lines, measured
from tests.docker.image_checks import Checks
from tests.docker.page import Page

Result = TypeVar("Result")

UID = 10001
POSTGRES_PORT = 5432
# Seconds. `docker stop` kills after 10; a request that found no daemon waits for the next start of one.
STOPPED_WITHIN = 10.0
DECIDED_WITHIN = 60
HEALTHY_WITHIN = 120.0
RESTARTED_WITHIN = 60.0
# The daemon, where Docker's init is the first process: what one starts by `docker exec` is no child of that.
CHILD = "$(cat /proc/1/task/1/children)"
# An application's login.
SHOP = "shop"
PAYLOAD = json.dumps({"fields": [{"name": "title", "type": "text", "nullable": False}]})


@dataclass(frozen=True, slots=True)
class Database:
    """The way to the database from this machine: the port, and the file of the superuser's password."""

    port: int
    file: Path

    @property
    def password(self) -> str:
        """The superuser's."""
        return self.file.read_text(encoding="utf-8").strip()

    def run(self, work: Callable[[Connection], Awaitable[Result]], user: str = "postgres") -> Result:
        """Does something on a connection."""

        async def connected() -> Result:
            dsn = f"postgresql://{user}:{self.password}@127.0.0.1:{self.port}/app"
            connection = await connect(dsn, job="test of the containers")
            try:
                return await work(connection)
            finally:
                await connection.close()

        return asyncio.run(connected())

    def submit(self, table: str) -> int:
        """Asks for a table as an application would; the request's id."""
        request: int = self.run(
            lambda c: c.fetchval("SELECT schemad.submit_request('user123', $1, $2::jsonb)", table, PAYLOAD), SHOP
        )
        return request

    def require_table(self, request: int, table: str) -> str:
        """Waits until a request is approved, and uses the table."""

        async def work(connection: Connection) -> str:
            query = "SELECT * FROM schemad.wait_for_request($1, make_interval(secs => $2))"
            row: Any = await connection.fetchrow(query, request, DECIDED_WITHIN, timeout=DECIDED_WITHIN + 10)
            assert row["status"] == "approved", f"{table} is {row['status']}: {row['decision_reason']}"
            await connection.execute(f"INSERT INTO {table} (title) VALUES ('hello')")
            assert await connection.fetchval(f"SELECT title FROM {table}") == "hello"
            return f"{table} is there and can be written to"

        return self.run(work, SHOP)


class Services:
    """The services, from their first start to their end.

    Args:
        stack: The project.
        page: What a reader types.
        database: The way to its database.
    """

    def __init__(self, stack: Stack, page: Page, database: Database) -> None:
        self._stack = stack
        self._page = page
        self._engine = stack.engine
        self._database = database

    def checks(self) -> Checks:
        """Each promise with what looks whether it is kept, and says what it found; in their order."""
        yield "one command starts all of it", self.start
        yield "the first table is made by itself", self.first_table
        yield "the daemon is not root, may nothing, and can write nowhere", self.confined
        yield "no password is in an environment or a log", self.no_secrets
        yield "the command line is at hand", self.command_line
        yield "a container by itself works as well", self.by_itself
        yield "the HEALTHCHECK goes healthy", self.healthy
        yield "a daemon that is stuck goes unhealthy", self.stuck
        yield "a daemon that was killed is started again, and loses nothing", self.killed_within
        yield "`docker kill` ends it for good, and the next start loses nothing", self.killed_by_hand
        yield "a restart of PostgreSQL is survived", self.postgres_restarted
        yield "starting again gives the daemon a new password, and disturbs nobody", self.started_again
        yield "SIGTERM ends it in time", self.stopped
        yield "SIGTERM ends it in time where it is the first process", self.stopped_as_first_process
        yield "also while it has not reached the database yet", self.stopped_before_the_database
        yield "all that the page shows was typed", self._page.require_all

    def start(self) -> str:
        # The image was built before, on a network that this machine's package index may need.
        here = {
            "--build": "--no-build",
            "mkdir -p secrets": "",
            "secrets/postgres_password": str(self._database.file),
        }
        took = measured(lambda: self._page.type("start", here))
        for service in ("migrate", "login"):
            state = self._state(service)
            assert (state["Status"], state["ExitCode"]) == ("exited", 0), f"{service}: {state}"
        return f"in {took:.1f} s"

    def first_table(self) -> str:
        said = self._page.type("first-table", {"exec postgres": "exec -T postgres"})
        assert "created public.notes with 2 fields" in said, said
        assert '"event": "daemon.ready"' in said, said
        password = self._database.password  # of hexadecimal digits
        self._database.run(lambda c: c.execute(f"ALTER ROLE {SHOP} PASSWORD '{password}'"))
        return self._database.require_table(self._database.submit("first"), "first")

    def confined(self) -> str:
        status = self._in_daemon("cat", "/proc/1/status", "/proc/self/status")
        lines = [line.split() for line in status.splitlines()]
        uids = {uid for line in lines if line[0] == "Uid:" for uid in line[1:]}
        assert uids == {str(UID)}, uids
        assert {line[1] for line in lines if line[0] in {"CapEff:", "CapBnd:"}} == {"0" * 16}, status
        assert {line[1] for line in lines if line[0] == "NoNewPrivs:"} == {"1"}, status
        try_each = 'for d in "$@"; do touch "$d/x" 2>/dev/null && echo "$d"; done; true'
        written = self._in_daemon("sh", "-c", try_each, "sh", "/", "/tmp", "/opt/schemad", "/credentials")
        assert not written, written
        return f"uid {UID}, no capabilities, no file system of its own to write to"

    def no_secrets(self) -> str:
        daemon = self._in_daemon("cat", "/credentials/pgpass").strip().rpartition(":")[2]
        assert len(daemon) >= 32, "the daemon has no password"
        seen = self._stack.compose("logs", "--no-color")
        for service in ("postgres", "migrate", "login", "daemon"):
            seen += json.dumps(self._engine.inspect(self._stack.container(service))["Config"])
        assert daemon not in seen
        assert self._database.password not in seen
        mode = self._in_daemon("stat", "--format=%a %u", "/credentials/pgpass").strip()
        assert mode == f"600 {UID}", mode
        return "the daemon's is a file that it alone can read"

    def command_line(self) -> str:
        told = self._page.type("command-line", {"run --rm migrate": "run --rm -T migrate"})
        assert "max_fields" in told, told
        return "policy show, list"

    def by_itself(self) -> str:
        service = self._engine.inspect(self._stack.container("daemon"))
        (network,) = service["NetworkSettings"]["Networks"]
        (volume,) = (mount["Name"] for mount in service["Mounts"])
        name = f"{self._stack.project}-alone"
        here = {
            "--name schemad ": f"--name {name} --network {network} ",
            "@db.internal/": f"@postgres:{POSTGRES_PORT}/",
            "/etc/schemad:": f"{volume}:",
            "\n  schemad\n": f"\n  {service['Config']['Image']}\n",
        }
        try:
            self._page.type("run", here)
            with self._engine.events(name, "health_status", since=self._engine.inspect(name)["Created"]) as events:
                took = events.until("health_status: healthy", HEALTHY_WITHIN)
            self._engine.docker("stop", f"--time={STOPPED_WITHIN:.0f}", name)
            return f"healthy after {took:.1f} s; {self._require_orderly_end(name, 0.0)}"
        finally:
            self._engine.docker("rm", "--force", "--volumes", name)

    def healthy(self) -> str:
        container = self._stack.container("daemon")
        started = self._engine.inspect(container)["State"]["StartedAt"]
        with self._engine.events(container, "health_status", since=started) as events:
            events.until("health_status: healthy", HEALTHY_WITHIN)
        log = self._engine.inspect(container)["State"]["Health"]["Log"]
        assert log[-1]["ExitCode"] == 0, log
        return f"exit code {log[-1]['ExitCode']}"

    def stuck(self) -> str:
        # Asked more often than every 30 seconds, so that this ends soon.
        often = ("--health-interval=1s", "--health-timeout=2s", "--health-start-period=20s", "--health-retries=2")
        with (
            self._another_daemon("--init", *often) as container,
            self._engine.events(container, "health_status") as events,
        ):
            events.until("health_status: healthy", HEALTHY_WITHIN)
            self._engine.docker("exec", container, "sh", "-c", f"kill -STOP {CHILD}")
            took = events.until("health_status: unhealthy", HEALTHY_WITHIN)
        return f"{took:.1f} s after SIGSTOP, asked every second"

    def killed_within(self) -> str:
        container = self._stack.container("daemon")
        with self._engine.events(container, "die", "start") as events:
            # As the kernel does when memory runs out. From without, Docker takes a kill for the user's will.
            self._in_daemon("sh", "-c", f"kill -KILL {CHILD}")
            events.until("die", RESTARTED_WITHIN)
            request = self._database.submit("after_a_kill")
            took = events.until("start", RESTARTED_WITHIN)
        count = self._engine.inspect(container)["RestartCount"]
        assert count == 1, count
        return f"up {took:.1f} s later; {self._database.require_table(request, 'after_a_kill')}"

    def killed_by_hand(self) -> str:
        container = self._stack.container("daemon")
        self._engine.docker("kill", "--signal=KILL", container)
        assert self._engine.docker("wait", container).strip() == str(128 + signal.SIGKILL)
        request = self._database.submit("after_docker_kill")
        assert not self._engine.inspect(container)["State"]["Running"]
        self._engine.docker("start", container)
        return f"exit code 137; {self._database.require_table(request, 'after_docker_kill')}"

    def postgres_restarted(self) -> str:
        container = self._stack.container("daemon")
        before = self._engine.inspect(container)
        took = measured(lambda: self._engine.docker("restart", "--time=30", self._stack.container("postgres")))
        self._await_database()
        found = self._database.require_table(self._database.submit("after_a_restart"), "after_a_restart")
        after = self._engine.inspect(container)
        assert (after["State"]["StartedAt"], after["RestartCount"]) == (
            before["State"]["StartedAt"],
            before["RestartCount"],
        ), "the daemon was started again"
        return f"after {took:.1f} s; {found}"

    def started_again(self) -> str:
        before = self._in_daemon("cat", "/credentials/pgpass")
        self._stack.compose("up", "--detach", "--no-build")
        assert self._in_daemon("cat", "/credentials/pgpass") != before
        # With its sessions gone it has to come in by the new one.
        end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'schemad_service'"
        assert self._database.run(lambda c: c.fetchval(end))
        return self._database.require_table(self._database.submit("once_more"), "once_more")

    def stopped(self) -> str:
        container = self._stack.container("daemon")
        took = measured(lambda: self._engine.docker("stop", f"--time={STOPPED_WITHIN:.0f}", container))
        return self._require_orderly_end(container, took)

    def stopped_as_first_process(self) -> str:
        with self._another_daemon() as container:
            request = self._database.submit("without_init")
            self._database.require_table(request, "without_init")
            took = measured(lambda: self._engine.docker("stop", f"--time={STOPPED_WITHIN:.0f}", container))
            return self._require_orderly_end(container, took)

    def stopped_before_the_database(self) -> str:
        postgres = self._stack.container("postgres")
        self._engine.docker("pause", postgres)
        try:
            # The link is taken by the kernel, and nobody answers on it.
            with self._another_daemon("--env=SCHEMAD_CONNECT_TIMEOUT=300") as container:
                self._await_link(container)
                took = measured(lambda: self._engine.docker("stop", f"--time={STOPPED_WITHIN:.0f}", container))
                found = self._require_orderly_end(container, took)
                assert "daemon.started" not in self._engine.logs(container)
                return found
        finally:
            self._engine.docker("unpause", postgres)

    def _await_link(self, container: str) -> None:
        """Waits until a daemon has a link to PostgreSQL, whatever comes of it."""
        deadline = time.monotonic() + RESTARTED_WITHIN
        # An address in hexadecimal, then 01: established.
        while f":{POSTGRES_PORT:04X} 01 " not in self._engine.docker("exec", container, "cat", "/proc/net/tcp"):
            assert time.monotonic() < deadline, self._engine.logs(container)

    @contextlib.contextmanager
    def _another_daemon(self, *options: str) -> Iterator[str]:
        """Another daemon like the service's, by `docker run` with these options; its container."""
        service = self._engine.inspect(self._stack.container("daemon"))
        (network,) = service["NetworkSettings"]["Networks"]
        (volume,) = (mount["Name"] for mount in service["Mounts"])
        variables = [word for each in service["Config"]["Env"] for word in ("--env", each)]
        container = self._engine.docker(
            *("run", "--detach", "--read-only", f"--network={network}", *options),
            *("--volume", f"{volume}:/credentials:ro", *variables, service["Config"]["Image"]),
        ).strip()
        try:
            yield container
        finally:
            self._engine.docker("rm", "--force", "--volumes", container)

    def _require_orderly_end(self, container: str, took: float) -> str:
        state = self._engine.inspect(container)["State"]
        assert state["ExitCode"] == 0, state
        assert took < STOPPED_WITHIN, f"{took:.1f} s"
        lines = daemon_lines(self._engine.logs(container))
        assert lines[-1]["event"] == "daemon.stopped", lines[-1]
        return f"exit code 0 after {took:.1f} s"

    def _await_database(self) -> None:
        """Waits until PostgreSQL's own check says that it is there."""
        container = self._stack.container("postgres")
        started = self._engine.inspect(container)["State"]["StartedAt"]
        with self._engine.events(container, "health_status", since=started) as events:
            events.until("health_status: healthy", HEALTHY_WITHIN)

    def _state(self, service: str) -> Any:
        return self._engine.inspect(self._stack.container(service))["State"]

    def _in_daemon(self, *command: object) -> str:
        return self._engine.docker("exec", self._stack.container("daemon"), *command)
