"""Connections: the one place that opens them, names them and sets their limits."""

import contextlib
import os
import socket
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import asyncpg

from schemad.store.hosts import Host, first_of, hosts_of
from schemad.store.sql_files import query

if TYPE_CHECKING:
    from asyncpg import Connection as _Connection
    from asyncpg import Record

    Connection = _Connection[Record]
else:
    Connection = asyncpg.Connection

DEFAULT_TIMEOUT = 10.0

# The link is lost, and what became of the statement is not known.
LINK_LOST = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # What the driver says when the server ended the session just before a statement was sent.
    asyncpg.InternalClientError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)

# These, and errors of the moment, on which one connects again: everything else is an answer.
LINK_ERRORS = (
    *LINK_LOST,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
)

# What a database may have otherwise, by which text would read differently and names be written differently.
_PINNED = {
    "search_path": "pg_catalog, pg_temp",
    "standard_conforming_strings": "on",
    "quote_all_identifiers": "off",
    "array_nulls": "on",
    "transform_null_equals": "off",
    "intervalstyle": "postgres",
    # Off it is an error to read the queue, of which row-level security shows each role its part.
    "row_security": "on",
    # Whoever waited for a lock is to see what was committed meanwhile, and not to fail over it.
    "default_transaction_isolation": "read committed",
    # Every statement of schemad's is short: compiling one takes longer than running it.
    "jit": "off",
    # A login's own may be shorter than what a person wants to wait. The daemon has limits of its own.
    "statement_timeout": "0",
    # A daemon's session waits for hours, and is to stay.
    "idle_session_timeout": "0",
    # One that is left in the middle of a transaction has no business there.
    "idle_in_transaction_session_timeout": "10s",
    # The server's side of a link that is dead: else the session keeps its locks for hours.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "3",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "15s",
}
# By these it is seen whether a session got the settings that it was started with.
_TELLING = ("search_path", "lock_timeout")

# This side of the link: bytes that nobody acknowledged for 10 s, or a silence of 5 + 3 * 3 s with nobody there.
_KEEPALIVE = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 3, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 10_000}

# What a DSN may ask of a server, as libpq has it.
_SESSION_ATTRS = ("any", "primary", "standby", "read-write", "read-only", "prefer-standby")

# A password may be in what can't be read: these say what is wrong, and show nothing of it.
_BROKEN_APART = "the part before @ has a /, ?, # or @ that is to be written as %2F, %3F, %23 or %40"
_NOT_TAKEN_APART = (
    "a [ or ] in the user or password is to be written as %5B or %5D, and letters beyond ASCII as what "
    "percent-encoding makes of them; an IPv6 address is [::1]"
)
_NO_HOST = "the port is no number, or @ and the host are missing after a user and password"
_NO_FIELD = "a part of what follows ? has no =; an & in a value is to be written as %26"

# How full the queue of notifications is when PostgreSQL refuses to take more: all of it, but for a page.
_FULL = 0.9


class NotAServer(Exception):
    """A pooler stands in between, and a session does not have the settings that schemad needs.

    Attributes:
        found: What shows it, without what to do.
    """

    def __init__(self, shown_by: str) -> None:
        self.found = f"{shown_by}: most likely a pooler such as PgBouncer is between"
        super().__init__(
            f"{self.found}. SCHEMAD_DSN has to lead to PostgreSQL itself: the daemon relies on its sessions' "
            "settings, and has only a handful of sessions"
        )


async def connect(  # noqa: PLR0913 - each is one thing that a session may need
    dsn: str | None,
    *,
    job: str,
    timeout: float = DEFAULT_TIMEOUT,
    lock_timeout: float | None = None,
    statement_timeout: float | None = None,
    answer_timeout: float | None = None,
    pinned: bool = False,
    writable: bool = False,
    poolable: bool = False,
) -> Connection:
    """Opens a connection.

    Args:
        dsn: The database; None: PGHOST, PGUSER and so on. Of several hosts the first one that will do is taken.
        job: What the session is for; pg_stat_activity shows it as application_name.
        timeout: For connecting, in seconds; for each host, where there are several.
        lock_timeout: For waiting on a lock, in seconds; None: as the server has it.
        statement_timeout: For a statement, in seconds; None: as the server has it, or where `pinned` none.
        answer_timeout: Seconds after which a statement raises TimeoutError here, whatever the server does: a link
            may be dead without either end being told. None: never.
        pinned: Whether it is a daemon's session for work. It stays however long it is idle, ends soon where its
            link is dead, and names mean PostgreSQL's own only: an operator that somebody planted in public may
            suit a varchar better than the built-in one, and would run as this role.
        writable: Whether only a server that takes writes will do, and no standby. A DSN or PGTARGETSESSIONATTRS
            that says which ones will do goes before.
        poolable: Whether it may lead through a pooler, which knows nothing of earlier prepared statements.

    Raises:
        OSError: Nobody answers.
        NotAServer: A pooler refuses the settings of the session.
        asyncpg.ClientConfigurationError: The DSN can't be read.
        asyncpg.PostgresError: The server refuses.
    """
    limits = {"lock_timeout": lock_timeout, "statement_timeout": statement_timeout}
    options: dict[str, Any] = {
        "timeout": timeout,
        "command_timeout": answer_timeout,
        "server_settings": {"application_name": f"schemad {job}"}
        | (_PINNED if pinned else {})
        | {name: f"{round(limit * 1000)}ms" for name, limit in limits.items() if limit is not None},
    }
    if poolable:
        options["statement_cache_size"] = 0
    if writable and "target_session_attrs=" not in (dsn or "") and "PGTARGETSESSIONATTRS" not in os.environ:
        options["target_session_attrs"] = "read-write"

    async def open_one(host: Host | None) -> Connection:
        place: dict[str, Any] = {} if host is None else {"host": host[0], "port": host[1]}
        connection: Connection = await asyncpg.connect(dsn, **options, **place)
        return connection

    try:
        hosts = hosts_of(dsn)
        connection = await (first_of(hosts, open_one) if hosts else open_one(None))
    except OSError as error:
        # Comes first, as a certificate that is not trusted is a ValueError as well.
        # The system says neither what it looked for nor where.
        error.add_note(_looked_for(error, dsn))
        raise
    except (asyncpg.ProtocolViolationError, asyncpg.InternalServerError, ValueError, OverflowError) as error:
        meant = _meant(error, dsn)
        if meant is None:
            raise
        raise meant from error
    _keep_alive(connection)
    return connection


def _meant(error: Exception, dsn: str | None) -> Exception | None:
    """What an error that a connection failed with stands for; None where it is what it says."""
    said = str(error)
    match error:
        case asyncpg.ProtocolViolationError():
            # PgBouncer's. PostgreSQL's own refusal of a setting that it does not know is another one.
            return NotAServer(said) if "startup parameter" in said else None
        case asyncpg.InternalServerError():
            # "could not write init file", where the disk is full: it is there, and can open no session for now.
            return ConnectionError(f"the server can't open a session: {said}")
        case ValueError() | OverflowError():
            # The driver lets Python's own errors out as well, such as that of a port that is no number.
            return asyncpg.ClientConfigurationError(_unreadable(error, dsn))
    return None


async def connect_pinned(dsn: str | None, *, job: str, timeout: float, writable: bool = False) -> Connection:
    """Opens a connection for a person at the command line: pinned, unless a pooler refuses that.

    A DBA may do much, and so could whatever was planted in public and ran for one. Through a pooler names are as
    psql would have them: set later, the settings would stay with somebody else's session.

    Raises:
        OSError, asyncpg.PostgresError, asyncpg.ClientConfigurationError: As for connect().
    """
    options: dict[str, Any] = {"job": job, "timeout": timeout, "writable": writable, "poolable": True}
    with contextlib.suppress(NotAServer):
        return await connect(dsn, pinned=True, **options)
    return await connect(dsn, **options)


def _keep_alive(connection: Connection) -> None:
    """Has the system notice a dead link; the driver leaves that off. A second line: statements have timeouts."""
    # Not public; but the driver makes its socket itself, and shows it nowhere else. A test looks that it is found.
    transport = getattr(connection, "_transport", None)
    link = transport.get_extra_info("socket") if transport is not None else None
    if link is None or link.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    if link.fileno() < 0:
        return  # closed again by now, which the first statement tells as an error of the link
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):  # not every system has all of them
            link.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


async def require_session_settings(connection: Connection) -> None:
    """Raises NotAServer where a session that was opened as `pinned` did not get its settings.

    A pooler may be told to ignore those that it does not know (`ignore_startup_parameters`).
    """
    rows = await connection.fetch(query("session_settings"), list(_TELLING))
    found = {row["name"]: row["value"] for row in rows}
    if found["search_path"] != _PINNED["search_path"] or found["lock_timeout"] == "0":
        path, timeout = (found[name] for name in _TELLING)
        raise NotAServer(f"the session was started with other settings than search_path={path}, {timeout=!s}")


async def is_notification_queue_full(connection: Connection) -> bool:
    """Whether the server can take no more notifications. Asking has it give up what everybody has read."""
    usage: float = await connection.fetchval(query("notification_queue"))
    return usage > _FULL


def _unreadable(error: ValueError | OverflowError, dsn: str | None) -> str:
    """What is wrong with a DSN, without any piece of what may be a password."""
    said = str(error)
    try:
        netloc = urlsplit(dsn or "").netloc
    except ValueError:
        return f"invalid DSN: {_NOT_TAKEN_APART}"
    if _is_broken_apart(dsn):
        return f"invalid DSN: {_BROKEN_APART}"
    if "bad query field" in said:
        return f"invalid DSN: {_NO_FIELD}"
    if said.startswith("invalid literal for int()"):
        port = said.rpartition(": ")[2]
        return f"invalid DSN: {f'the port {port} is no number' if '@' in netloc else _NO_HOST}"
    if said.startswith("target_session_attrs "):  # the driver lists a method of its own
        given = said.rpartition(", got ")[2]
        return f"target_session_attrs is {given}, and may be {', '.join(_SESSION_ATTRS)}"
    return said if isinstance(error, asyncpg.ClientConfigurationError) else f"invalid DSN: {said}"


def _is_broken_apart(dsn: str | None) -> bool:
    """Whether what looks like the host may be a piece of a password with a slash or the like in it."""
    return "@" in (dsn or "") and urlsplit(dsn or "").netloc.count("@") != 1


def _looked_for(error: OSError, dsn: str | None) -> str:
    """The file, or the hosts, that a connection failed on; never a user or a password."""
    parts = urlsplit(dsn or "")
    given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    file = given.get("sslrootcert") or os.environ.get("PGSSLROOTCERT")
    if isinstance(error, FileNotFoundError) and not error.filename and file and not os.path.exists(file):
        return f"sslrootcert={file}"
    if _is_broken_apart(dsn):
        return _BROKEN_APART
    host = parts.netloc.rpartition("@")[2] or given.get("host") or os.environ.get("PGHOST") or "the local host"
    return f"at {host}" + (f", sslrootcert={file}" if file and isinstance(error, ssl.SSLError) else "")


def connection_help(error: BaseException) -> str:
    """What to say to a person whom a connection failed: what happened and what to look at."""
    match error:
        case asyncpg.InvalidCatalogNameError():
            advice = "create the database, or name another one in SCHEMAD_DSN"
        case asyncpg.InvalidAuthorizationSpecificationError():
            advice = "check the user and password in SCHEMAD_DSN"
        case asyncpg.TargetServerAttributeNotMatched():
            return (
                "can't connect to PostgreSQL: no host takes writes (neither a standby can be worked on, nor where "
                "default_transaction_read_only is on for the database or the login; name all hosts, "
                "as in postgresql://user@one,two/database, and the one that takes writes is found)"
            )
        case asyncpg.ClientConfigurationError():
            advice = "SCHEMAD_DSN reads like postgresql://user@host:5432/database"
        case ssl.SSLError():
            advice = "its certificate has to be for that host, and signed by one of those in sslrootcert"
        case OSError() | TimeoutError():
            advice = "is PostgreSQL running there? SCHEMAD_DSN says where; `schemad dev` starts one to try"
        case _:
            advice = "SCHEMAD_DSN says which database is meant"
    return f"can't connect to PostgreSQL: {in_few_words(error)} ({advice})"


def in_few_words(error: BaseException) -> str:
    """What happened, for a line of the log: what the error says, or else its name, and where that was."""
    return ", ".join([str(error) or type(error).__name__, *getattr(error, "__notes__", ())])
