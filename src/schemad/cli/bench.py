"""`schemad bench`: how fast it is here, each figure beside its floor."""

import asyncio
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from schemad.bench.bench import QUICK, Sizes
from schemad.bench.failure import BenchFailed
from schemad.bench.figure import Figure
from schemad.bench.run import Measure, Report
from schemad.bench.run import run as run_measures
from schemad.cli.exit_code import ExitCode
from schemad.cli.options import Json, Major
from schemad.cli.output import print_error, print_hint, print_json, print_table, say
from schemad.cli.progress import Tell, progress
from schemad.cli.run import run_fast
from schemad.embedded import EmbeddedPostgres


def add_to(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command()(bench)


def bench(
    measure: Annotated[
        list[Measure] | None,
        typer.Argument(metavar="MEASURE", help=f"{', '.join(Measure)}; without any, all."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes: what it does, in little time.")] = False,
    repetitions: Annotated[
        int | None, typer.Option("--repetitions", min=1, help="Of each measure; else 5.", show_default=False)
    ] = None,
    samples: Annotated[
        int | None, typer.Option("--samples", min=1, help="Of latency; else 500.", show_default=False)
    ] = None,
    tables: Annotated[
        int | None, typer.Option("--tables", min=1, help="In a backlog; else 2,000.", show_default=False)
    ] = None,
    sizes: Annotated[
        list[int] | None,
        typer.Option(
            "--size",
            min=1,
            help="Tables that are there, for growth; several times for several. Else 1,000, 10,000 and 50,000.",
            show_default=False,
        ),
    ] = None,
    old_requests: Annotated[
        int | None,
        typer.Option("--old-requests", min=1, help="For growth; else 1,000,000.", show_default=False),
    ] = None,
    window: Annotated[
        float | None,
        typer.Option("--window", min=1, help="Seconds for idle; else 60.", show_default=False),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", help="Directory to draw latency.svg and growth.svg into.", show_default=False),
    ] = None,
    dsn: Annotated[
        str | None,
        typer.Option(
            "--dsn",
            help="Measure on this server, in new databases; else on an embedded one. SCHEMAD_DSN is left aside.",
            show_default=False,
        ),
    ] = None,
    major: Major = None,
    as_json: Json = False,
) -> None:
    """Measure how fast it is here: each figure beside its floor, in turns, so that their ratio counts.

    It works in databases of its own, which it drops at the end, however that comes.
    """
    usual = QUICK if quick else Sizes()
    wanted = replace(
        usual,
        repetitions=repetitions or usual.repetitions,
        samples=samples or usual.samples,
        tables=tables or usual.tables,
        growth=tuple(sorted(set(sizes))) if sizes else usual.growth,
        old_requests=old_requests or usual.old_requests,
        window=window or usual.window,
    )
    draw = None if plot is None else _painter(plot)
    chosen = list(dict.fromkeys(measure or Measure))
    try:
        with progress("starting PostgreSQL") as tell:
            report = _on_a_server(dsn, major, chosen, wanted, tell)
    except BenchFailed as error:
        print_error(str(error))
        raise typer.Exit(ExitCode.FAILED) from error
    except asyncio.CancelledError as error:
        raise typer.Exit(ExitCode.TERMINATED) from error
    if as_json:
        print_json(
            {**report.machine, "sizes": asdict(wanted), "figures": [each.as_row() for each in report.figures]}
        )
    else:
        _print(report, wanted)
    for file in draw(report) if draw is not None else ():
        print_hint(f"drew {file}")


def _painter(directory: Path) -> Callable[[Report], list[Path]]:
    """What draws into a directory; it and its library are looked for before anything is measured."""
    try:
        from schemad.bench.plot import draw  # noqa: PLC0415 - matplotlib comes with the extra `bench`
    except ImportError as error:
        print_error("--plot draws with matplotlib: run `pip install 'schemad[bench]'`")
        raise typer.Exit(ExitCode.FAILED) from error
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass  # it can be written to
    except OSError as error:
        print_error(f"--plot {directory}: {error.strerror}; name a directory that can be written to")
        raise typer.Exit(ExitCode.BAD_INPUT) from error
    return partial(draw, directory=directory)


def _on_a_server(dsn: str | None, major: int | None, measures: list[Measure], sizes: Sizes, tell: Tell) -> Report:
    """Measures on the server of the DSN, or on one that is there for this only."""
    if dsn is not None:
        return run_fast(_until_terminated(dsn, None, measures, sizes, tell))
    with (
        tempfile.TemporaryDirectory(prefix="schemad-bench-") as directory,
        EmbeddedPostgres(Path(directory) / "data", major=major) as server,
    ):
        return run_fast(_until_terminated(server.dsn(), server.log_path, measures, sizes, tell))


async def _until_terminated(
    dsn: str, server_log: Path | None, measures: list[Measure], sizes: Sizes, tell: Tell
) -> Report:
    """Measures; SIGTERM ends it as Ctrl-C does, with nothing left behind."""
    task = asyncio.current_task()
    if task is not None and sys.platform != "win32":
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await run_measures(dsn, server_log=server_log, measures=measures, sizes=sizes, tell=tell)


def _print(report: Report, sizes: Sizes) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("measure", "what", "against"):
        table.add_column(name, overflow="fold")
    for name in ("schemad", "other", "ratio", "from", "to"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("better", no_wrap=True)
    for figure in report.figures:
        table.add_row(*_row(figure))
    print_table(table)
    for line in _machine(report.machine):
        say(line)
    say(f"Medians of {sizes.repetitions} repetitions; ratios are of two taken in turns, with their extremes.")


def _row(figure: Figure) -> tuple[str, ...]:
    first, ratios = figure.first, figure.ratios
    return (
        first.measure,
        first.what,
        first.against,
        f"{_number(figure.measured)} {first.unit}",
        "" if figure.floor is None else f"{_number(figure.floor)} {first.unit}",
        *(f"{ratio:.2f}" for ratio in ([figure.ratio, ratios[0], ratios[-1]] if figure.ratio is not None else [])),
        *([""] * 3 if figure.ratio is None else []),
        first.better.value,
    )


def _number(value: float) -> str:
    """A number with three digits that count, or all before the point."""
    digits = 0 if abs(value) >= 100 or value == round(value) else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def _machine(machine: dict[str, Any]) -> Iterator[str]:
    server = dict(machine["server"])
    where = "embedded" if server.pop("embedded") else "given by --dsn"
    version = server.pop("server_version")
    settings = ", ".join(f"{name} {value}" for name, value in server.items())
    libraries = ", ".join(f"{name} {number}" for name, number in machine["libraries"].items())
    yield f"{machine['date']} · {machine['processor']}, {machine['cores']} cores · {machine['system']}"
    yield f"schemad {machine['schemad']}, Python {machine['python']}, {libraries}"
    yield f"PostgreSQL {version}, {where}: {settings}"
