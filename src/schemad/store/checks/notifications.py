"""Notifications: whether they come through to where the daemon would listen, and whether there is room."""

import asyncio

import asyncpg

from schemad.settings import Settings
from schemad.store.channels import probe_channel
from schemad.store.checks.check import Check, note
from schemad.store.connect import LINK_ERRORS, Connection, connect_pinned, in_few_words
from schemad.store.sql_files import query

# Seconds for a notification to arrive.
ARRIVES_WITHIN = 3.0
# Of the queue, which holds 8 GB at first: this much is there only while some session reads nothing of it.
QUEUE_NOTED = 0.1
QUEUE_TO_BE_MENDED = 0.5


async def check_notifications(connection: Connection, settings: Settings, *, are_sent: bool) -> Check:
    """Looks at the way of notifications.

    Args:
        connection: To the database that requests are made in.
        settings: What the environment says to the daemon.
        are_sent: Whether the policy has requests announced by NOTIFY.
    """
    polling = f"the queue is looked at every {settings.poll_interval:g} s"
    if not settings.listen:
        return Check("notifications", f"SCHEMAD_LISTEN is off: {polling}")
    if not are_sent:
        mend = "SELECT schemad.set_policy('notify', 'true'); or SCHEMAD_LISTEN=off, which saves a connection"
        return note("notifications", f"the policy's notify is off: {polling}", mend)
    where = "SCHEMAD_LISTEN_DSN" if settings.listen_dsn else "SCHEMAD_DSN"
    mend = "set SCHEMAD_LISTEN_DSN to PostgreSQL itself and the same database; or SCHEMAD_LISTEN=off, to poll"
    try:
        listening = await connect_pinned(
            settings.dsn_for_listening, job="doctor", timeout=settings.connect_timeout, writable=True
        )
    except (*LINK_ERRORS, asyncpg.PostgresError, asyncpg.ClientConfigurationError) as error:
        return Check("notifications", f"can't be heard where {where} leads: {in_few_words(error)}", mend)
    try:
        comes_through = await _comes_through(listening, connection)
    except asyncpg.ProgramLimitExceededError as error:
        return Check(
            "notifications", f"can't be sent: {error}", "make room in the notification queue, as told there"
        )
    finally:
        listening.terminate()
    if comes_through:
        return Check("notifications", "come through")
    return Check(
        "notifications",
        f"do not come through: {where} leads to another database or server, or through a pooler in transaction "
        "mode",
        mend,
    )


async def _comes_through(listening: Connection, sending: Connection) -> bool:
    """Whether a notification from elsewhere is heard while nothing is asked of the session that listens."""
    heard = asyncio.Event()
    channel = probe_channel(sending.get_server_pid())
    await listening.add_listener(channel, lambda *_: heard.set())
    await sending.execute(query("probe"), channel)
    try:
        async with asyncio.timeout(ARRIVES_WITHIN):
            await heard.wait()
    except TimeoutError:
        return False
    return True


async def check_notification_queue(connection: Connection) -> Check:
    """Looks at the server's queue of notifications."""
    usage: float = await connection.fetchval(query("notification_queue"))
    found = f"{usage:.0%} full"
    if usage < QUEUE_NOTED:
        return Check("notification queue", found)
    oldest = await connection.fetchrow(query("oldest_transaction"))
    mend = "end the session that listens and does not read: one with a transaction open for long"
    if oldest is not None:
        mend += (
            f", such as {oldest['application_name']} for {oldest['seconds']:.0f} s: "
            f"SELECT pg_terminate_backend({oldest['pid']});"
        )
    found += ": once it is full, every NOTIFY of the server fails"
    return Check("notification queue", found, mend, is_note=usage < QUEUE_TO_BE_MENDED)
