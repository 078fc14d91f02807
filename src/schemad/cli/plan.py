"""`schemad plan`: what a request would come to, without a database or with one."""

import asyncio
from typing import Annotated

import typer

from schemad.cli.connection import with_connection
from schemad.cli.exit_code import ExitCode
from schemad.cli.json_shapes import Plan
from schemad.cli.options import Dsn, Json
from schemad.cli.output import one_line, print_findings, print_json, print_sql, say
from schemad.cli.request_file import read_request_file
from schemad.ddl import Verdict, decide
from schemad.policy import Policy, TableFacts
from schemad.request import Severity
from schemad.store import policies


def add_to(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command()(plan)


def plan(
    file: Annotated[str, typer.Argument(help="JSON file with a request; - for standard input.")],
    name: Annotated[str | None, typer.Option("--name", help="Name of the table.", show_default=False)] = None,
    live: Annotated[
        bool,
        typer.Option("--live", help="By the policy of the database and what is in it; else offline."),
    ] = False,
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Print findings and SQL for a request, and submit nothing.

    Offline it goes by the default policy, for a database without such a table; with --live, or a --dsn, by the
    database's own policy and what it holds.

    Exits with 0 if it would be created by itself, 3 if it would wait for review, 2 if nobody could approve it.
    """
    request = read_request_file(file, name)
    if live or dsn is not None:
        policy, facts, role = asyncio.run(
            with_connection(dsn, lambda c: policies.live(c, request.schema_name, request.payload))
        )
    else:
        policy, facts, role = Policy(), TableFacts(), None
    decision = decide(request.schema_name, request.payload, policy, facts, requested_by=role)
    refused = any(finding.severity is Severity.REFUSE for finding in decision.findings)
    if as_json:
        print_json(
            Plan(
                verdict=decision.verdict,
                findings=[finding.as_row() for finding in decision.findings],
                plan_sql=decision.plan_sql,
            )
        )
    else:
        name = one_line(request.schema_name)
        if decision.verdict is Verdict.AUTO:
            say(f"{name}: would be created by itself", style="green")
        elif refused:
            say(f"{name}: nobody could approve it", style="red")
        else:
            say(f"{name}: would wait for review", style="yellow")
        print_findings(finding.as_row() for finding in decision.findings)
        if decision.plan_sql:
            print_sql(decision.plan_sql)
    if refused:
        raise typer.Exit(ExitCode.BAD_INPUT)
    if decision.verdict is Verdict.REVIEW:
        raise typer.Exit(ExitCode.WAITS)
