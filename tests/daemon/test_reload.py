"""SIGHUP: settings are read anew while the daemon works, and taken over all or none."""

import contextlib
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from schemad.settings import LogLevel, Settings
from schemad.store import Connection
from tests.cli.program import EXIT_BAD_INPUT, EXIT_FAILED
from tests.support.daemons import DaemonProcess, daemon_process, daemon_settings, starting_daemon
from tests.support.databases import Database, Template, fields
from tests.support.http import get
from tests.support.logs import Lines, logged
from tests.support.requests import ask, decided, submit, until
from tests.support.servers import server_names

if TYPE_CHECKING:
    from schemad.daemon import Daemon

on_one_server = pytest.mark.parametrize("server", server_names()[-1:], indirect=True)
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1"


class Reloadable:
    """A daemon in this process, and what its next reload finds."""

    def __init__(self, dsn: str, lines: Lines) -> None:
        self._dsn = dsn
        self._lines = lines
        self.overrides: dict[str, Any] = {}
        self.daemon: Daemon

    def load(self) -> Settings:
        return daemon_settings(**{"dsn": self._dsn} | self.overrides)

    async def change(self, **overrides: Any) -> dict[str, Any]:
        """Has it reload with these settings; what it tells of it."""
        self.overrides = overrides
        count = len(self._lines.of("settings.reloaded"))
        self.daemon.reload()
        return await self._lines.next("settings.reloaded", count + 1)


@contextlib.asynccontextmanager
async def reloadable(dsn: str, lines: Lines) -> AsyncIterator[Reloadable]:
    """A ready daemon."""
    it = Reloadable(dsn, lines)
    async with starting_daemon(dsn, lambda: None, it.load) as (daemon, _):
        it.daemon = daemon
        await lines.next("daemon.ready")
        yield it


@pytest.fixture
def other_database(template: Template) -> Iterator[Database]:
    with template.copy() as copy:
        yield copy


async def test_a_changed_setting_is_followed_at_once_and_told(database: Database, app: Connection) -> None:
    with logged() as lines:
        async with reloadable(database.dsn("daemon_login"), lines) as it:
            assert (await ask(app, "before", fields("a")))["status"] == "approved"
            told = await it.change(enable_auto_create=False, batch_size=7)
            assert told["changed"] == {"batch_size": [25, 7], "enable_auto_create": [True, False]}
            assert (await ask(app, "after", fields("a")))["status"] == "pending"
            # Nothing was connected anew for that.
            assert len(lines.of("worker.connected")) == 1


async def test_settings_of_sessions_are_followed_on_new_ones_without_losing_a_request(
    database: Database, admin: Connection, app: Connection
) -> None:
    with logged() as lines:
        async with reloadable(database.dsn("daemon_login"), lines) as it:
            await it.change(appliers=4)
            await until(admin, f"({SESSIONS}) = 4", "schemad applier")
            assert (await ask(app, "notes", fields("a")))["status"] == "approved"
            await it.change(listen=False)
            await lines.next("listener.off")
            await until(admin, f"({SESSIONS}) = 0", "schemad listener")
            await it.change()
            await lines.next("listener.connected", 2)
            assert (await ask(app, "heard", fields("a")))["status"] == "approved"
    assert not {"worker.lost", "listener.lost"} & set(lines.events())


async def test_the_end_of_the_listener_s_earlier_session_is_not_taken_for_that_of_the_new_one(
    database: Database, app: Connection
) -> None:
    with logged() as lines:
        async with reloadable(database.dsn("daemon_login"), lines) as it:
            await it.change(listen_dsn=database.dsn("daemon_login"))
            await lines.next("listener.connected", 2)
            assert (await ask(app, "heard", fields("a")))["status"] == "approved"
    assert lines.events(least="warning") == []
    assert len(lines.of("listener.connected")) == 2


@pytest.mark.parametrize("may_ask", [True, False])
async def test_a_listen_dsn_to_another_database_is_refused_and_one_that_is_empty_is_none(
    other_database: Database, database: Database, admin: Connection, app: Connection, may_ask: bool
) -> None:
    if not may_ask:
        await admin.execute("REVOKE EXECUTE ON FUNCTION pg_control_system FROM public")
    with logged() as lines:
        async with reloadable(database.dsn("daemon_login"), lines) as it:
            it.overrides = {"listen_dsn": other_database.dsn("daemon_login")}
            it.daemon.reload()
            refused = await lines.next("settings.refused")
            assert f"than SCHEMAD_DSN, {other_database.name}, and not {database.name}: " in refused["error"]
            await it.change(listen_dsn=database.dsn("daemon_login"))
            await it.change(listen_dsn="")
            assert (await ask(app, "heard", fields("a")))["status"] == "approved"


async def test_another_database_is_gone_over_to_and_its_password_not_told(
    other_database: Database, database: Database, app: Connection
) -> None:
    with logged() as lines:
        async with (
            reloadable(database.dsn("daemon_login"), lines) as it,
            other_database.connection("app_one") as elsewhere,
        ):
            assert (await ask(app, "here", fields("a")))["status"] == "approved"
            there = other_database.dsn("daemon_login").replace("daemon_login@", "daemon_login:secret@")
            assert (await it.change(dsn=there))["changed"] == {"dsn": "(not shown)"}
            assert (await ask(elsewhere, "there", fields("a")))["status"] == "approved"
    assert "secret" not in str(lines.all)


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        ({"dsn": "postgresql://nobody@127.0.0.1:1/nowhere"}, "Connect call failed"),
        ({"dsn": "postgresql://daemon_login@127.0.0.1:x/nowhere"}, "invalid"),
        ({"listen_dsn": "postgresql://nobody@127.0.0.1:1/nowhere", "batch_size": 7}, "Connect call failed"),
    ],
)
async def test_settings_that_can_not_be_used_are_refused_whole(
    database: Database, app: Connection, overrides: dict[str, Any], reason: str
) -> None:
    with logged() as lines:
        async with reloadable(database.dsn("daemon_login"), lines) as it:
            it.overrides = overrides
            it.daemon.reload()
            refused = await lines.next("settings.refused")
            assert reason.lower() in refused["error"].lower()
            assert it.daemon.worker._settings.batch_size == 25
            assert (await ask(app, "notes", fields("a")))["status"] == "approved"
    assert lines.events(least="warning") == ["settings.refused"]


async def test_a_daemon_that_waits_for_its_server_takes_new_settings_too(
    other_database: Database, database: Database, admin: Connection
) -> None:
    with logged() as lines:
        async with reloadable(database.dsn("daemon_login"), lines) as it:
            await admin.execute(f"ALTER DATABASE {database.name} CONNECTION LIMIT 0")
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND usename = 'daemon_login'"
            )
            await lines.next("worker.lost", 2)
            await it.change(dsn=other_database.dsn("daemon_login"))
            async with other_database.connection("app_one") as elsewhere:
                assert (await ask(elsewhere, "there", fields("a")))["status"] == "approved"


async def test_spans_that_can_t_be_made_after_a_reload_are_told_and_the_daemon_works_without(
    database: Database, app: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with logged() as lines:
        async with reloadable(database.dsn("daemon_login"), lines) as it:
            await it.change(tracing=True)
            assert "pip install 'schemad[otel]'" in (await lines.next("tracing.unavailable"))["error"]
            assert (await ask(app, "notes", fields("a")))["status"] == "approved"


async def test_an_address_that_another_program_had_is_served_on_by_the_next_reload_once_it_is_free(
    database: Database,
) -> None:
    with logged() as lines:
        async with reloadable(database.dsn("daemon_login"), lines) as it:
            with socket.create_server(("127.0.0.1", 0)) as taken:
                there = f"127.0.0.1:{taken.getsockname()[1]}"
                await it.change(metrics_addr=there)
                assert "another program listens there" in (await lines.next("http.unavailable"))["error"]
            assert (await it.change(metrics_addr=there))["changed"] == {}
            assert (await lines.next("http.serving"))["address"] == there
            assert (await get(it.daemon, "/healthz")).status == 200


@on_one_server
async def test_sighup_reads_the_file_that_the_environment_names(
    database: Database, app: Connection, tmp_path: Path
) -> None:
    env_file = tmp_path / "schemad.env"
    env_file.write_text("SCHEMAD_LOG_LEVEL=info\nSCHEMAD_BATCH_SIZE=20\n# a comment\n")
    async with daemon_process(database.dsn("daemon_login"), SCHEMAD_ENV_FILE=str(env_file)) as process:
        env_file.write_text("SCHEMAD_LOG_LEVEL=debug\nSCHEMAD_BATCH_SIZE=30\nSCHEMAD_DSN=ignored\n")
        process.signal(signal.SIGHUP)
        await process.event("settings.reloaded")
        assert json.loads(process.lines[-1])["changed"] == {
            "batch_size": [20, 30],
            "log_level": ["info", "debug"],
        }
        env_file.write_text("SCHEMAD_BATCH_SIZE=many\n")
        process.signal(signal.SIGHUP)
        await process.event("settings.refused")
        assert "SCHEMAD_BATCH_SIZE=many: it is not a whole number" in json.loads(process.lines[-1])["error"]
        env_file.unlink()
        process.signal(signal.SIGHUP)
        await process.event("settings.refused")
        assert "No such file" in json.loads(process.lines[-1])["error"]
        request_id = await submit(app, "notes", fields("a"))
        await process.event("request.applied")
        assert (await decided(app, request_id))["status"] == "approved"


@on_one_server
async def test_a_mistyped_setting_is_told_with_the_one_that_is_meant(database: Database, tmp_path: Path) -> None:
    env_file = tmp_path / "schemad.env"
    env_file.write_text("SCHEMAD_LOG_LEVLE=debug\n")
    variables = {"SCHEMAD_ENV_FILE": str(env_file), "SCHEMAD_BACTH_SIZE": "4", "SCHEMAD_IMAGE": "x"}
    variables["SCHEMAD_PORT_9187_TCP_ADDR"] = "10.0.0.1"  # as Kubernetes does
    async with daemon_process(database.dsn("daemon_login"), **variables) as process:

        def told() -> dict[str, str]:
            lines = [json.loads(line) for line in process.lines]
            return {each["variable"]: each["nearest"] for each in lines if each["event"] == "settings.unknown"}

        meant = {"SCHEMAD_BACTH_SIZE": "SCHEMAD_BATCH_SIZE", "SCHEMAD_LOG_LEVLE": "SCHEMAD_LOG_LEVEL"}
        assert told() == meant
        env_file.write_text("SCHEMAD_POLL_INTERVALL=5\n")
        process.signal(signal.SIGHUP)
        await process.event("settings.unknown")
        await process.event("settings.unknown")
        assert told() == meant | {"SCHEMAD_POLL_INTERVALL": "SCHEMAD_POLL_INTERVAL"}
        env_file.write_text("\nSCHEMAD_BATCH_SIZE=4\n\nthis is no setting\n")
        process.signal(signal.SIGHUP)
        await process.event("settings.refused")
        assert "schemad.env: line 4 does not read like" in json.loads(process.lines[-1])["error"]


@pytest.mark.parametrize("junk", ["this is no setting", "SCHEMAD_BATCH_SIZE", "SCHEMAD_PASSWORD='secret"])
async def test_a_line_that_is_no_setting_is_an_error_at_the_start(tmp_path: Path, junk: str) -> None:
    env_file = tmp_path / "schemad.env"
    env_file.write_text(f"# a comment\n\nSCHEMAD_LOG_LEVEL=debug\n{junk}\n")
    process = await DaemonProcess.start("postgresql://nowhere", SCHEMAD_ENV_FILE=str(env_file))
    assert await process.end() == EXIT_BAD_INPUT
    assert process.lines == [
        f"schemad: SCHEMAD_ENV_FILE={env_file}: line 4 does not read like SCHEMAD_LOG_LEVEL=debug\n"
    ]


async def test_a_file_that_is_not_there_is_an_error_at_the_start(tmp_path: Path) -> None:
    process = await DaemonProcess.start("postgresql://nowhere", SCHEMAD_ENV_FILE=str(tmp_path / "absent.env"))
    assert await process.end() == EXIT_FAILED + 1
    assert "".join(process.lines).startswith("schemad: SCHEMAD_ENV_FILE=")


def test_the_environment_goes_before_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    env_file = tmp_path / "schemad.env"
    env_file.write_text("SCHEMAD_LOG_LEVEL=debug\nENABLE_SCHEMA_AUTO_CREATE=true\nSCHEMAD_BATCH_SIZE=20\n")
    monkeypatch.setenv("SCHEMAD_ENV_FILE", str(env_file))
    monkeypatch.setenv("SCHEMAD_BATCH_SIZE", "30")
    settings = Settings.load()
    assert (settings.log_level, settings.enable_auto_create, settings.batch_size) == (LogLevel.DEBUG, True, 30)
