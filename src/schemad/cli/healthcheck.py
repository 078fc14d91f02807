"""Asks a daemon on this machine how it is: for the HEALTHCHECK of the image, and for probes without curl.

    python -m schemad.cli.healthcheck [/readyz]

asks for /healthz, or for that page, where SCHEMAD_METRICS_ADDR says that the daemon serves it, prints the answer,
and exits with 0 if it is fine and with 1 if not. It is no verb of `schemad`, and imports next to nothing: it runs
every 30 seconds, and the command line takes ten times its CPU to start.
"""

import http.client
import os
import sys
from collections.abc import Mapping, Sequence

from schemad.address import Address

VARIABLE = "SCHEMAD_METRICS_ADDR"
# Seconds for the answer; less than the HEALTHCHECK's own timeout, so that it says what was wrong.
PATIENCE = 8.0
# Every interface is this one too.
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound to it here


class Unhealthy(Exception):
    """The daemon is not fine, or can't be asked; the message says why."""


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Asks, and prints what it heard; the exit code."""
    try:
        print(ask(environment.get(VARIABLE, ""), arguments[0] if arguments else "/healthz"))
    except Unhealthy as error:
        print(error)
        return 1
    return 0


def ask(addr: str, page: str) -> str:
    """Asks a daemon for a page.

    Args:
        addr: Where it serves, as SCHEMAD_METRICS_ADDR has it.
        page: /healthz: a restart would not help. /readyz: a request made now would be decided now.

    Returns:
        What it answered.

    Raises:
        Unhealthy: It answered that it is not fine, or did not within 8 seconds.
    """
    if not addr:
        raise Unhealthy(f"{VARIABLE} is not set: the daemon serves nothing that could be asked for")
    try:
        address = Address.parse(addr)
    except ValueError as error:
        raise Unhealthy(f"{VARIABLE}: {error}") from error
    host = LOOPBACK.get(address.host, address.host)
    # Not urllib: it would ask a proxy that the environment names.
    connection = http.client.HTTPConnection(host, address.port, timeout=PATIENCE)
    try:
        connection.request("GET", page)
        response = connection.getresponse()
        said = response.read().decode(errors="replace").strip()
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Unhealthy(f"{address} does not answer: {str(error) or type(error).__name__}") from error
    finally:
        connection.close()
    if response.status != http.client.OK:
        raise Unhealthy(f"{page} is {response.status}: {said}")
    return said


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
