"""The verbs on requests: submit, list, show, approve, reject, cancel, retry."""

import asyncio
import getpass
import math
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

from schemad.cli.connection import with_connection
from schemad.cli.exit_code import ExitCode
from schemad.cli.options import Dsn, Json
from schemad.cli.output import (
    is_held,
    print_error,
    print_hint,
    print_json,
    print_request,
    print_requests,
    print_standing,
)
from schemad.cli.output import state as state_of
from schemad.cli.progress import progress
from schemad.cli.request_file import read_request_file
from schemad.request import Severity
from schemad.store import Connection, requests

WAIT = 10.0
LONGEST_WAIT = 365 * 24 * 60 * 60.0
# What approve_request() takes for the digest where there is no plan.
NO_PLAN = "none"


def _is_number(seconds: float) -> float:
    """Refuses NaN, which is neither less nor more than any limit."""
    if math.isnan(seconds):
        raise typer.BadParameter(f"nan is no number of seconds; 0 to {LONGEST_WAIT:.0f} is")
    return seconds


RequestId = Annotated[int, typer.Argument(min=1, max=2**31 - 1, help="The request's id.", show_default=False)]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why; kept with the request.", show_default=False)]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout", min=0, max=LONGEST_WAIT, callback=_is_number, help="Seconds to wait for the decision."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Adds the verbs."""
    app.command()(submit)
    app.command("list")(list_requests)
    app.command()(show)
    app.command()(wait)
    app.command()(approve)
    app.command()(reject)
    app.command()(cancel)
    app.command()(retry)


def submit(
    file: Annotated[str, typer.Argument(help="JSON file with a request; - for standard input.")],
    name: Annotated[str | None, typer.Option("--name", help="Name of the table.", show_default=False)] = None,
    user: Annotated[
        str | None,
        typer.Option("--user", help="requester_user_id; else the file's, else your login.", show_default=False),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option("--key", help="Idempotency key: the same key is the same request.", show_default=False),
    ] = None,
    timeout: Timeout = WAIT,
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Submit a request and wait for the decision.

    Exits with 0 once applied, 3 if it waits for review or a daemon, 2 if nobody could approve it, 1 if it failed.
    """
    request = read_request_file(file, name)
    requester = user or request.requester_user_id or _login()

    async def work(connection: Connection) -> requests.RequestRow:
        request_id = await requests.submit(connection, requester, request.schema_name, request.payload, key)
        with progress(f"waiting for the decision on request {request_id}"):
            return await requests.wait(connection, request_id, timeout)

    _print_and_exit(asyncio.run(with_connection(dsn, work)), as_json)


def list_requests(
    status: Annotated[
        requests.Status | None, typer.Option("--status", help="Only those that stand so.", show_default=False)
    ] = None,
    user: Annotated[
        str | None, typer.Option("--user", help="Only of this requester_user_id.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many at most.")] = 50,
    offset: Annotated[int, typer.Option("--offset", min=0, max=2**31 - 1, help="How many to pass over.")] = 0,
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """List requests, newest first."""
    found = asyncio.run(with_connection(dsn, lambda c: requests.listing(c, status, user, limit, offset)))
    if as_json:
        print_json(found)
    else:
        print_requests(found)


def show(request_id: RequestId, dsn: Dsn = None, as_json: Json = False) -> None:
    """Show a request: how it stands, why, and its exact SQL."""
    found = asyncio.run(with_connection(dsn, lambda c: requests.show(c, request_id)))
    if found is None:
        print_error(f"there is no request {request_id} that you may see; `schemad list` shows those")
        raise typer.Exit(ExitCode.FAILED)
    if as_json:
        print_json(found)
    else:
        print_request(found)


def wait(request_id: RequestId, timeout: Timeout = WAIT, dsn: Dsn = None, as_json: Json = False) -> None:
    """Wait for the decision on a request, and show it.

    Exits with 0 once it is applied.
    """
    _decide(dsn, request_id, _nothing, timeout, as_json)


def approve(
    request_id: RequestId,
    reason: Reason,
    digest: Annotated[
        str | None,
        typer.Option(
            "--digest", help="Of the plan that you read, as `schemad show` prints it.", show_default=False
        ),
    ] = None,
    timeout: Timeout = WAIT,
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Approve a held request, and wait until the daemon has applied it.

    The approval is for the plan with that digest, or without one for the plan that is printed first: if there is
    another one by then, nothing is approved.
    """

    async def decide(connection: Connection) -> None:
        shown = digest
        if shown is None:
            # Of what is not held nothing was shown: if there is a plan by the next call, it is another one.
            shown = NO_PLAN
            if (found := await requests.show(connection, request_id)) and is_held(found):
                shown = found["plan_digest"] or NO_PLAN
                if not as_json:
                    print_request(found)
        await requests.approve(connection, request_id, reason, shown)

    _decide(dsn, request_id, decide, timeout, as_json, briefly=True)


def reject(request_id: RequestId, reason: Reason, dsn: Dsn = None, as_json: Json = False) -> None:
    """Turn a pending request down; the requester gets the reason."""
    _decide(dsn, request_id, lambda c: requests.reject(c, request_id, reason), 0, as_json, done="rejected")


def cancel(request_id: RequestId, dsn: Dsn = None, as_json: Json = False) -> None:
    """Withdraw a pending request.

    Your own one; a reviewer may withdraw anybody's.
    """
    _decide(dsn, request_id, lambda c: requests.cancel(c, request_id), 0, as_json, done="cancelled")


def retry(request_id: RequestId, timeout: Timeout = WAIT, dsn: Dsn = None, as_json: Json = False) -> None:
    """Have a held or failed request assessed again, and wait for the decision."""
    _decide(dsn, request_id, lambda c: requests.retry(c, request_id), timeout, as_json)


async def _nothing(_connection: Connection) -> None:
    """Decides nothing."""


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise typer.BadParameter("this login has no name: give --user") from error


def _decide(
    dsn: str | None,
    request_id: int,
    decide: Callable[[Connection], Awaitable[None]],
    timeout: float,
    as_json: bool,
    done: str = "approved",
    briefly: bool = False,
) -> None:
    async def work(connection: Connection) -> requests.RequestRow:
        await decide(connection)
        with progress(f"waiting for the decision on request {request_id}"):
            return await requests.wait(connection, request_id, timeout)

    _print_and_exit(asyncio.run(with_connection(dsn, work)), as_json, done, briefly)


def _print_and_exit(request: dict[str, Any], as_json: bool, done: str = "approved", briefly: bool = False) -> None:
    """Prints a request, of one that is done only how it stands where that will do, and exits accordingly."""
    state = state_of(request)
    if as_json:
        print_json(request)
    elif briefly and state == done:
        print_standing(request)
    else:
        print_request(request)
    if state == "queued" and request["next_attempt_at"]:
        print_hint("it is kept, and tried again")
    elif state == "queued":
        print_hint("no daemon has got to it yet; it is kept. `schemad doctor` tells whether one runs")
    if state == "failed":
        raise typer.Exit(ExitCode.FAILED)
    if state != done and request["status"] != requests.Status.PENDING:
        print_hint(f"it is {state}, and stays so; ask anew with `schemad submit`")
        raise typer.Exit(ExitCode.FAILED)
    if state != done and any(finding["severity"] == Severity.REFUSE for finding in request["findings"]):
        print_hint("nobody can approve it as it is: `schemad cancel` withdraws it, `schemad plan` tries another")
        raise typer.Exit(ExitCode.BAD_INPUT)
    if state != done:
        raise typer.Exit(ExitCode.WAITS)
