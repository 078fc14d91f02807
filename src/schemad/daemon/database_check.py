"""The check of the database that settings name: whether a daemon can work on it, before it starts to."""

from schemad.settings import Settings
from schemad.store import Connection, connect
from schemad.store.connect import require_session_settings
from schemad.store.migrate import require_current_schema
from schemad.store.place import place_of, require_same_place


async def check_database(settings: Settings) -> None:
    """Fails fast, with what mends it, on what waiting would not mend.

    Raises:
        SchemaMismatch: The schema in the database is not this version's.
        AnotherDatabase: The listener's is not the one in which requests are made.
        NotAServer: Something stands between that keeps a session from having its settings.
        OSError, asyncpg.PostgresError: The database can't be reached.
    """
    connection = await connect(
        settings.dsn,
        job="start-up check",
        timeout=settings.connect_timeout,
        lock_timeout=settings.lock_timeout,
        answer_timeout=settings.connect_timeout,
        pinned=True,
        writable=True,
    )
    try:
        await require_session_settings(connection)
        await require_current_schema(connection)
        if settings.listen and settings.listen_dsn:
            await _check_listen_dsn(settings, connection)
    finally:
        connection.terminate()


async def _check_listen_dsn(settings: Settings, working: Connection) -> None:
    try:
        listening = await connect(
            settings.listen_dsn,
            job="start-up check",
            timeout=settings.connect_timeout,
            answer_timeout=settings.connect_timeout,
            writable=True,
            poolable=True,
        )
        try:
            heard = await place_of(listening)
        finally:
            listening.terminate()
    except Exception as error:
        error.add_note("SCHEMAD_LISTEN_DSN leads there")
        raise
    require_same_place(heard, await place_of(working))
