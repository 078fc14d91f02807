"""Channels: where notifications to daemons are sent, under the names that sql/functions/ has for them."""

REQUESTS_CHANNEL = "schemad_requests"
WATCH_CHANNEL = "schemad_watch"


def probe_channel(pid: int) -> str:
    """Where a session proves that notifications come through. Not the requests': a probe is nobody's wake-up.

    Args:
        pid: Its backend, as the driver knows it, which makes the channel its own.
    """
    return f"schemad_probe_{pid}"
