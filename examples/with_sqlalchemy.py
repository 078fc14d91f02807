"""An application on SQLAlchemy: asks for tables, waits, uses them, and is ready for whatever may go wrong.

SCHEMAD_DSN names the database; the login needs schemad_requester. Run: python with_sqlalchemy.py
It uses psycopg, as SQLAlchemy's postgresql+psycopg does.
"""

import json
import os
import re
import time
from typing import Any

from sqlalchemy import (
    Boolean,
    Connection,
    Engine,
    Identity,
    Integer,
    Row,
    Text,
    create_engine,
    false,
    func,
    insert,
    literal,
    make_url,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

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


class Base(DeclarativeBase):
    """Base of what is mapped."""


class Task(Base):
    """A row of the table that TASKS asks for; the id is the one that schemad adds."""

    __tablename__ = "tasks"

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    done: Mapped[bool] = mapped_column(Boolean, server_default=false())


def said(error: DBAPIError) -> Any:
    """PostgreSQL's error itself: sqlstate, and diag with message_detail and message_hint."""
    return error.orig


def submit(connection: Connection, table: str, payload: dict[str, Any], key: str | None = None) -> int:
    """Submits a request within the connection's transaction, and returns its id."""
    call = func.schemad.submit_request("sqlalchemy", table, literal(payload, JSONB), key)
    request_id: int = connection.execute(select(call)).scalar_one()
    return request_id


def submit_and_commit(engine: Engine, table: str, payload: dict[str, Any], key: str | None = None) -> int:
    """Submits a request in a transaction of its own. Where a limit says when to come back, it does so then."""
    while True:
        try:
            with engine.begin() as connection:
                return submit(connection, table, payload, key)
        except DBAPIError as error:
            problem = said(error)
            seconds = re.search(r"Come back in (\d+) s", problem.diag.message_hint or "")
            if problem.sqlstate != "53400" or seconds is None:
                raise
            print(f"limited: {problem.diag.message_primary}")
            time.sleep(int(seconds[1]))


def wait(engine: Engine, request_id: int) -> Row[Any]:
    """Returns the request once it is decided or held. Not within the transaction that submitted it."""
    statement = text(
        "SELECT r.id, r.status, r.verdict, r.findings, schemad.request_message(r) AS message "
        "FROM schemad.wait_for_request(:id) AS r"
    )
    with engine.begin() as connection:
        return connection.execute(statement, {"id": request_id}).one()


def cancel(engine: Engine, request_id: int) -> None:
    """Withdraws a request that waits."""
    with engine.begin() as connection:
        connection.execute(select(func.schemad.cancel_request(request_id)))


def ask_and_use(engine: Engine) -> None:
    """The way it usually goes: instead of Base.metadata.create_all()."""
    request = wait(engine, submit_and_commit(engine, "tasks", TASKS))
    print(f"{request.status}: {request.message}")
    with Session(engine) as session, session.begin():
        session.add(Task(title="write an example"))
        session.flush()
        print("rows:", session.scalar(select(func.count()).select_from(Task)))


def be_refused(engine: Engine) -> None:
    """What can't be right is an error of the statement: with a SQLSTATE, a rule and what would pass."""
    try:
        submit_and_commit(engine, "refused", REFUSED)
    except DBAPIError as error:
        problem = said(error)
        rule = re.match(r"Rule ([\w.]+)", problem.diag.message_detail or "")
        print(f"refused: {problem.sqlstate} {rule[1] if rule else ''}: {problem.diag.message_hint}")


def be_held(engine: Engine) -> None:
    """What is not low-risk waits for a person: go on without the table, or withdraw the request as here."""
    request = wait(engine, submit_and_commit(engine, "held", HELD))
    print(f"{request.verdict}: {request.message}")
    cancel(engine, request.id)


def fail(engine: Engine) -> None:
    """Where PostgreSQL refuses the plan nothing is kept of it, and a finding has PostgreSQL's own words."""
    request = wait(engine, submit_and_commit(engine, "failing", FAILING))
    print(f"{request.verdict}: {request.findings[0]['message']}")
    cancel(engine, request.id)


def ask_twice(engine: Engine) -> None:
    """A key makes it safe to send a request again after a lost connection. For another request it is an error."""
    first = submit_and_commit(engine, "tasks", TASKS, key="sqlalchemy-1")
    print("same request:", first == submit_and_commit(engine, "tasks", TASKS, key="sqlalchemy-1"))
    try:
        submit_and_commit(engine, "tasks", OTHER, key="sqlalchemy-1")
    except DBAPIError as error:
        print(f"key reused: {said(error).sqlstate}")


def listen(engine: Engine) -> None:
    """Is told of the decision instead of asking for it. Listen first: what was sent before is told to nobody."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as listener:
        listener.execute(text("LISTEN schemad_decisions"))
        request_id = submit_and_commit(engine, "tasks", TASKS)
        driver: Any = listener.connection.driver_connection  # SQLAlchemy itself knows nothing of notifications
        for message in driver.notifies(timeout=30):
            decision = json.loads(message.payload)
            if decision["id"] == request_id:  # else another one's
                print("told:", decision["status"])
                break
        else:
            raise TimeoutError("nothing was decided within 30 s")
        listener.execute(text("UNLISTEN *"))  # the connection goes back to the pool


def ask_in_a_transaction(engine: Engine) -> None:
    """A request is part of the transaction that submits it: rolled back, it was never there."""
    with engine.connect() as connection:
        connection.execute(insert(Task).values(title="never"))
        request_id = submit(connection, "notes", OTHER)
        connection.rollback()
        left = text("SELECT count(*) FROM schemad.schema_requests WHERE id = :id")
        print("after the rollback:", connection.execute(left, {"id": request_id}).scalar_one())

    with engine.begin() as connection:
        request_id = submit(connection, "notes", OTHER)
    print("after the commit:", wait(engine, request_id).status)


def main() -> None:
    """Goes through all of it."""
    engine = create_engine(make_url(os.environ["SCHEMAD_DSN"]).set(drivername="postgresql+psycopg"))
    try:
        ask_and_use(engine)
        be_refused(engine)
        be_held(engine)
        fail(engine)
        ask_twice(engine)
        listen(engine)
        ask_in_a_transaction(engine)
    finally:
        engine.dispose()


if __name__ == "__main__":
    main()
