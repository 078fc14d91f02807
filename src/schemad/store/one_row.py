"""The row of a query that always has one: an aggregate, a fact of the session, a table of one row."""

from asyncpg import Record

from schemad.store.connect import Connection
from schemad.store.sql_files import query


async def one_row(connection: Connection, name: str, *arguments: object) -> Record:
    """Runs a query of the store by name, and returns its row.

    Raises:
        LookupError: It has none, which is a defect.
    """
    row = await connection.fetchrow(query(name), *arguments)
    if row is None:
        raise LookupError(f"queries/{name}.sql has no row, and is to have one")
    return row
