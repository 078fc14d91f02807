"""An application on psycopg: asks for tables, waits, uses them, and is ready for whatever may go wrong.

SCHEMAD_DSN names the database; the login needs schemad_requester. Run: python with_psycopg.py
"""

import json
import os
import re
import time
from typing import Any

import psycopg
from psycopg.errors import ConfigurationLimitExceeded, UniqueViolation
from psycopg.rows import namedtuple_row, scalar_row
from psycopg.types.json import Jsonb

Connection = psycopg.Connection[Any]

TASKS = {
    "fields": [
        {"name": "title", "type": "text", "nullable": False},
        {"name": "done", "type": "boolean", "nullable": False, "default": False},
    ]
}
REFUSED = {"fields": [{"name": "title", "type": "varchar(0)"}]}
HELD = {"fields": [{"name": "owner", "type": "text", "default": {"expression": "current_setting('app.user')"}}]}
FAILING = {"fields": [{"name": "start", "type": "smallint", "default": {"expression": "99999"}}]}
OTHER = {"fields": [{"name": "note", "type": "text"}]}


def fetch(connection: Connection, statement: Any, *parameters: object) -> Any:
    """The first column of the first row."""
    return connection.cursor(row_factory=scalar_row).execute(statement, parameters).fetchone()


def submit(connection: Connection, table: str, payload: dict[str, Any], key: str | None = None) -> int:
    """Submits a request and returns its id. Where a limit says when to come back, it does so then."""
    statement = "SELECT schemad.submit_request(%s, %s, %s, %s)"
    while True:
        try:
            request_id: int = fetch(connection, statement, "psycopg", table, Jsonb(payload), key)
        except ConfigurationLimitExceeded as error:  # SQLSTATE 53400
            seconds = re.search(r"Come back in (\d+) s", error.diag.message_hint or "")
            if seconds is None:
                raise  # too many are pending: that does not pass by waiting a moment
            print(f"limited: {error.diag.message_primary}")
            time.sleep(int(seconds[1]))
        else:
            return request_id


def wait(connection: Connection, request_id: int) -> Any:
    """Returns the request once it is decided or held. Not within the transaction that submitted it."""
    cursor = connection.cursor(row_factory=namedtuple_row)
    return cursor.execute(
        "SELECT r.id, r.status, r.verdict, r.findings, schemad.request_message(r) AS message "
        "FROM schemad.wait_for_request(%s) AS r",
        [request_id],
    ).fetchone()


def ask_and_use(connection: Connection) -> None:
    """The way it usually goes."""
    request = wait(connection, submit(connection, "tasks", TASKS))
    print(f"{request.status}: {request.message}")
    connection.execute("INSERT INTO tasks (title) VALUES (%s)", ["write an example"])
    print("rows:", fetch(connection, "SELECT count(*) FROM tasks"))


def be_refused(connection: Connection) -> None:
    """What can't be right is an error of the statement: with a SQLSTATE, a rule and what would pass."""
    try:
        submit(connection, "refused", REFUSED)
    except psycopg.Error as error:
        rule = re.match(r"Rule ([\w.]+)", error.diag.message_detail or "")
        print(f"refused: {error.sqlstate} {rule[1] if rule else ''}: {error.diag.message_hint}")


def be_held(connection: Connection) -> None:
    """What is not low-risk waits for a person: go on without the table, or withdraw the request as here."""
    request = wait(connection, submit(connection, "held", HELD))
    print(f"{request.verdict}: {request.message}")
    connection.execute("SELECT schemad.cancel_request(%s)", [request.id])


def fail(connection: Connection) -> None:
    """Where PostgreSQL refuses the plan nothing is kept of it, and a finding has PostgreSQL's own words."""
    request = wait(connection, submit(connection, "failing", FAILING))
    print(f"{request.verdict}: {request.findings[0]['message']}")
    connection.execute("SELECT schemad.cancel_request(%s)", [request.id])


def ask_twice(connection: Connection) -> None:
    """A key makes it safe to send a request again after a lost connection. For another request it is an error."""
    first = submit(connection, "tasks", TASKS, key="psycopg-1")
    print("same request:", first == submit(connection, "tasks", TASKS, key="psycopg-1"))
    try:
        submit(connection, "tasks", OTHER, key="psycopg-1")
    except UniqueViolation as error:  # SQLSTATE 23505
        print(f"key reused: {error.sqlstate}")


def listen(connection: Connection, dsn: str) -> None:
    """Is told of the decision instead of asking for it. Listen first: what was sent before is told to nobody."""
    with psycopg.connect(dsn, autocommit=True) as listener:
        listener.execute("LISTEN schemad_decisions")
        request_id = submit(connection, "tasks", TASKS)
        for message in listener.notifies(timeout=30):
            decision = json.loads(message.payload)
            if decision["id"] == request_id:  # else another one's
                print("told:", decision["status"])
                return
        raise TimeoutError("nothing was decided within 30 s")


def ask_in_a_transaction(connection: Connection) -> None:
    """A request is part of the transaction that submits it: rolled back, it was never there."""
    with connection.transaction(force_rollback=True):
        connection.execute("INSERT INTO tasks (title) VALUES ('never')")
        request_id = submit(connection, "notes", OTHER)
    left = fetch(connection, "SELECT count(*) FROM schemad.schema_requests WHERE id = %s", request_id)
    print("after the rollback:", left)

    with connection.transaction():
        request_id = submit(connection, "notes", OTHER)
    print("after the commit:", wait(connection, request_id).status)


def main() -> None:
    """Goes through all of it."""
    dsn = os.environ["SCHEMAD_DSN"]
    # Without autocommit psycopg opens a transaction by itself, and nobody sees a request before that has ended.
    with psycopg.connect(dsn, autocommit=True) as connection:
        ask_and_use(connection)
        be_refused(connection)
        be_held(connection)
        fail(connection)
        ask_twice(connection)
        listen(connection, dsn)
        ask_in_a_transaction(connection)


if __name__ == "__main__":
    main()
