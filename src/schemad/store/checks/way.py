"""The way to the server: whether a daemon's sessions get there as they were opened, and what stands in between."""

from schemad.settings import Settings
from schemad.store.checks.check import Check, note
from schemad.store.connect import (
    LINK_ERRORS,
    Connection,
    NotAServer,
    connect,
    connect_pinned,
    in_few_words,
    require_session_settings,
)
from schemad.store.hosts import writable_if_any
from schemad.store.sql_files import query


async def open_for_checks(settings: Settings) -> Connection:
    """A connection to what a daemon would connect to; to any of the hosts where none of them takes writes.

    Raises:
        OSError, asyncpg.PostgresError: It can't be opened.
    """
    return await writable_if_any(
        lambda writable: connect_pinned(
            settings.dsn, job="doctor", timeout=settings.connect_timeout, writable=writable
        )
    )


async def check_way(settings: Settings) -> Check:
    """Opens a session as a daemon's worker does, and looks what it got.

    Args:
        settings: What the environment says to the daemon.
    """
    name = "way to the server"
    direct = "SCHEMAD_DSN has to lead to PostgreSQL itself, mostly port 5432; the daemon has a handful of sessions"
    try:
        session = await connect(
            settings.dsn,
            job="doctor",
            timeout=settings.connect_timeout,
            lock_timeout=settings.lock_timeout,
            pinned=True,
            writable=True,
        )
    except NotAServer as error:
        return Check(name, error.found, direct)
    except LINK_ERRORS as error:
        return Check(name, f"a second session can't be opened: {in_few_words(error)}", "mend what it says")
    try:
        await require_session_settings(session)
        # A pooler tells its clients process ids of its own making.
        is_pooled = await session.fetchval(query("backend_pid")) != session.get_server_pid()
    except NotAServer as error:
        return Check(name, error.found, direct)
    finally:
        session.terminate()
    if is_pooled:
        return note(name, "through a pooler that keeps sessions apart: it works, and gains nothing", direct)
    return Check(name, "direct: sessions get the settings that they are opened with")
