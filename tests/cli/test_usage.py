"""What the program says of itself, and of a command line or an environment that it can't work with."""

import json
import os
import re
import socket
import subprocess
import sys

import pytest
import typer

from schemad import OLDEST_POSTGRES, TESTED_POSTGRES, __version__
from schemad.cli.app import VERBS as KNOWN_VERBS
from schemad.cli.app import overview, program
from schemad.cli.exit_code import ExitCode
from schemad.policy.rules import all_rules
from tests.cli.program import EXIT_BAD_INPUT, EXIT_FAILED, PATIENCE, PROGRAM, environment, schemad
from tests.support.servers import DEFAULT_MAJORS, EXTRA_MAJORS

VERBS = (
    "dev demo migrate doctor run submit list show wait approve reject cancel retry plan describe schema rules "
    "policy prune psql bench completion"
).split()
MARKUP = re.compile(r"\[/?(bold|dim|red|green|yellow|cyan|italic)\b|\x1b")


def test_it_says_its_version() -> None:
    run = schemad("--version")
    works_with = "PostgreSQL 15 or newer, tested on 15, 16 and 18"
    assert (run.code, run.out, run.err) == (0, f"schemad {__version__}\n{works_with}\n", "")


def test_the_versions_of_postgresql_that_it_says_it_was_tested_on_are_those_of_the_tests() -> None:
    assert {*DEFAULT_MAJORS, *EXTRA_MAJORS} == set(TESTED_POSTGRES)
    assert min(TESTED_POSTGRES) == OLDEST_POSTGRES


def test_each_verb_is_listed_and_has_help_without_markup() -> None:
    # All in one process: most of a run's time is its start.
    program = """
import sys
from schemad.cli.app import main
for arguments in [["--help"], *([verb, "--help"] for verb in sys.argv[1:])]:
    try:
        main(arguments)
    except SystemExit as end:
        print(end.code, end="\\f")
"""
    done = subprocess.run(
        [sys.executable, "-c", program, *VERBS], capture_output=True, text=True, check=True, env=environment()
    )
    assert done.stderr == ""
    overview, *helps = done.stdout.removesuffix("\f").split("\f")
    assert re.findall(r"^  (\w+)  ", overview, re.MULTILINE) == VERBS
    assert not re.search(r"\.\.\.$", overview.partition("Commands:")[2], re.MULTILINE)  # each fits 80 columns
    for verb, said in zip(VERBS, helps, strict=True):
        assert said.startswith(f"Usage: schemad {verb} ")
        assert said.endswith("\n0")
        assert not MARKUP.search(said), said
        undocumented = re.findall(r"^  (--?\S+(?: <[^>]+>)?) *$\n(?! {10})", said, re.MULTILINE)
        assert not undocumented, (verb, undocumented)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "Usage: schemad"),
        (("create",), "create"),
        (("show", "99999999999"), "2147483647"),
        (("approve", "1"), "--reason"),
        (("list", "--status", "done"), "cancelled"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_told_so_in_words(arguments: tuple[str, ...], word: str) -> None:
    run = schemad(*arguments)
    assert run.code == EXIT_BAD_INPUT
    assert word in run.err
    assert run.out == ""


@pytest.mark.parametrize("verb", ["submit -", "wait 1", "approve 1 -r why", "retry 1"])
@pytest.mark.parametrize("seconds", ["inf", "nan", "1e300", "31536001"])
def test_a_time_that_nobody_can_wait_is_refused_before_anything_is_done(verb: str, seconds: str) -> None:
    # With a database that nobody is at: it did not get that far.
    run = schemad(*verb.split(), "--timeout", seconds, dsn="postgresql://127.0.0.1:1/x", stdin='{"fields": []}')
    assert (run.code, run.out) == (EXIT_BAD_INPUT, "")
    assert "'--timeout'" in run.err
    assert "31536000" in run.err


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SCHEMAD_BATCH_SIZE", "0"),
        ("SCHEMAD_LOG_FORMAT", "xml"),
        ("ENABLE_SCHEMA_AUTO_CREATE", "perhaps"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named_with_its_value(variable: str, value: str) -> None:
    run = schemad("run", **{variable: value})
    assert run.code == EXIT_BAD_INPUT
    assert run.err.startswith(f"schemad: {variable}={value}: ")
    assert run.err.count("\n") == 1


@pytest.mark.parametrize(
    ("verb", "dsn", "word"),
    [
        ("run", "garbage", "postgresql://user@host:5432/database"),
        ("run", "postgresql://127.0.0.1:port/app", "port"),
        ("list", "postgresql://[::1", "postgresql://user@host:5432/database"),
        ("list", "postgresql://127.0.0.1/app?sslmode=perhaps", "sslmode"),
    ],
)
def test_a_dsn_that_can_t_be_read_is_one_line_on_standard_error(verb: str, dsn: str, word: str) -> None:
    run = schemad(verb, dsn=dsn)
    assert (run.code, run.out) == (EXIT_BAD_INPUT, "")
    assert run.err.startswith("schemad: can't connect to PostgreSQL: ")
    assert word in run.err
    assert run.err.count("\n") == 1


@pytest.mark.parametrize("variables", [{"SCHEMAD_DSN": ""}, {"SCHEMAD_PASSWORD": "secret"}])
def test_without_a_dsn_the_whole_installation_is_written_and_nobody_connected_to(
    variables: dict[str, str],
) -> None:
    written = schemad("migrate", "--print", PGHOST="127.0.0.1", PGPORT="1", **variables)
    assert written == schemad("migrate", "--print")
    assert (written.code, written.err) == (0, "")


@pytest.mark.parametrize("verb", ["run", "doctor"])
def test_nobody_at_the_address_is_one_line_on_standard_error(verb: str) -> None:
    with socket.socket() as taken:
        # Bound and not listening: nobody answers there, and nobody else can start to.
        taken.bind(("127.0.0.1", 0))
        run = schemad(verb, "--dsn", f"postgresql://127.0.0.1:{taken.getsockname()[1]}/app")
    assert (run.code, run.out) == (EXIT_FAILED, "")
    assert "is PostgreSQL running there?" in run.err
    assert run.err.count("\n") == 1


def test_rules_lists_every_rule_once_a_line_and_as_json() -> None:
    known = all_rules()
    table = schemad("rules")
    assert table.code == 0
    assert re.findall(r"^ ?([a-z]+\.[a-z_]+) ", table.out, re.MULTILINE) == list(known)
    as_json = schemad("rules", "--json").json
    assert {rule["rule"]: (rule["severity"], rule["hint"]) for rule in as_json} == {
        rule.id: (rule.severity.value, rule.hint) for rule in known.values()
    }


@pytest.mark.parametrize("arguments", ["rules --json", "rules", "--help", "--version", "migrate --print"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_seen_enough_is_no_error(arguments: str, unbuffered: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*PROGRAM, *arguments.split()],
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
        env=environment(PYTHONUNBUFFERED=unbuffered),
        timeout=PATIENCE,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (ExitCode.READER_GONE, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", ["rules --json", "rules", "--help"])
def test_output_that_can_t_be_written_is_told_as_such(arguments: str) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*PROGRAM, *arguments.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            env=environment(),
            timeout=PATIENCE,
        )
    said = b"schemad: can't write the output: No space left on device\n"
    assert (done.returncode, done.stderr) == (ExitCode.FAILED, said)


def test_each_exit_code_has_a_meaning_of_its_own() -> None:
    assert [code.value for code in ExitCode] == [0, 1, 2, 3, 4, 130, 141, 143]
    assert len({code.meaning for code in ExitCode}) == len(ExitCode)


def test_a_terminal_without_unicode_still_gets_the_message() -> None:
    run = schemad("plan", "-", "--name", "größe", stdin="{}", PYTHONIOENCODING="ascii")
    assert run.code == EXIT_BAD_INPUT
    assert "gr\\xf6\\xdfe" in run.out


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_is_json_whatever_the_output_is_written_in(encoding: str) -> None:
    done = subprocess.run(
        [*PROGRAM, "plan", "-", "--name", "größe_\U0001f600", "--json"],
        input=b"{}",
        capture_output=True,
        check=False,
        env=environment(PYTHONIOENCODING=encoding, PYTHONUTF8="0"),
        timeout=PATIENCE,
    )
    assert "größe_\U0001f600" in json.dumps(json.loads(done.stdout), ensure_ascii=False)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("plan - --name x <&-", ExitCode.BAD_INPUT),
        ("psql -c 'SELECT 1' <&-", 2),  # psql's own, where it can't connect
        ("rules 2>&-", ExitCode.DONE),
        ("rules >&-", ExitCode.DONE),
        ("list 2>&-", ExitCode.FAILED),
        ("run 2>&-", ExitCode.FAILED),
    ],
)
def test_a_stream_that_is_closed_is_as_good_as_an_empty_one(call: str, code: int) -> None:
    command = f'{sys.executable} -c "{PROGRAM[2]}" {call}'
    done = subprocess.run(
        ["sh", "-c", command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        env=environment("postgresql://nobody@127.0.0.1:1/nowhere"),
        timeout=PATIENCE,
    )
    assert b"Traceback" not in done.stderr
    assert done.returncode == code, done


def test_every_verb_is_found_by_its_name_alone() -> None:
    every = typer.main.get_group(program()).commands
    for verb in every:
        assert verb in typer.main.get_group(program(verb)).commands
    assert list(typer.main.get_group(overview()).commands) == list(KNOWN_VERBS)
    assert set(every) == set(KNOWN_VERBS)


def test_the_daemon_carries_nothing_of_the_verbs_that_are_not_asked_for() -> None:
    code = "import sys; from schemad.cli.app import program; program('run'); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "schemad.cli.run" in loaded
    assert {"schemad.cli.bench", "schemad.bench", "schemad.cli.demo", "schemad.cli.dev"}.isdisjoint(loaded)
