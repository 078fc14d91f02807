"""Colours and progress: on a terminal, and nowhere else."""

import pytest

from schemad.cli.exit_code import ExitCode
from schemad.store import Connection
from tests.cli.program import schemad, schemad_beside
from tests.cli.terminal import on_terminal
from tests.support.databases import Database
from tests.support.servers import server_names

on_one_server = pytest.mark.parametrize("server", server_names()[-1:], indirect=True, scope="session")

ESCAPE = "\x1b["


def test_a_terminal_gets_colours() -> None:
    code, written = on_terminal("rules")
    assert code == 0
    assert ESCAPE in written


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"NO_COLOR": "anything"}, {"TERM": "dumb"}])
def test_a_terminal_that_is_to_have_none_gets_none(variables: dict[str, str]) -> None:
    for verb in (("rules",), ("plan", "/dev/null")):
        for stream in ("stdout", "stderr"):
            _, written = on_terminal(*verb, stream=stream, **variables)
            assert ESCAPE not in written


def test_an_empty_no_color_is_none() -> None:
    assert ESCAPE in on_terminal("rules", NO_COLOR="")[1]


def test_a_pipe_gets_no_colours_unless_it_is_forced() -> None:
    assert ESCAPE not in schemad("rules").out
    assert ESCAPE not in schemad("rules", FORCE_COLOR="").out
    forced = schemad("rules", FORCE_COLOR="1").out
    assert ESCAPE in forced
    # It still has a line a row.
    assert len(forced.splitlines()) == len(schemad("rules").out.splitlines())
    assert ESCAPE not in schemad("rules", FORCE_COLOR="1", NO_COLOR="1").out
    assert ESCAPE not in schemad("rules", "--json", FORCE_COLOR="1").out


@on_one_server
async def test_what_takes_long_shows_progress_on_a_terminal_only(database: Database, app: Connection) -> None:
    request_id = await app.fetchval(
        """SELECT schemad.submit_request('user123', 'thing', '{"fields": [{"name": "a", "type": "text"}]}')"""
    )
    wait = ("wait", request_id, "--timeout")
    shown = f"waiting for the decision on request {request_id}"
    code, written = on_terminal(*wait, 60, dsn=database.dsn("app_one"), stream="stderr", until=shown)
    assert code == ExitCode.INTERRUPTED
    assert shown in written
    assert "Traceback" not in written
    for force in ("", "1"):
        piped = await schemad_beside(*wait, 1.2, dsn=database.dsn("app_one"), FORCE_COLOR=force)
        assert piped.code == ExitCode.WAITS
        assert shown not in piped.err
