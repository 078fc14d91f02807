"""Credentials: settings with a secret in them, read from files that a service manager hands over.

systemd puts them into a directory of the unit's own and names it in $CREDENTIALS_DIRECTORY: see LoadCredential= in
systemd.exec(5). An environment variable is shown to whoever may look at the process, a file there is not.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

# Settings with a secret in them, which may be files instead.
CREDENTIALS = ("dsn", "listen_dsn", "password")

DIRECTORY_VARIABLE = "CREDENTIALS_DIRECTORY"
# The directory may hold those of other programs too: a container has one for everything in it.
PREFIX = "schemad."
# PostgreSQL's own limit for what it reads of a password is 64 KiB.
LONGEST = 65536


class CredentialError(Exception):
    """A credential is there, and can't be used."""


class Credentials(PydanticBaseSettingsSource):
    """Credentials as a source of settings, for pydantic-settings."""

    def __call__(self) -> dict[str, Any]:
        """Those that are there, by setting."""
        return dict(read_credentials(os.environ))

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - its interface
        """One of them, with its name, and whether it is JSON."""
        return self().get(field_name), field_name, False


def read_credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """Reads the credentials that are there; that of the setting `dsn` is in the file `schemad.dsn`.

    Args:
        environment: What names the directory; without one there are no credentials.

    Returns:
        The text of each that is there, by name, without the line break at its end.

    Raises:
        CredentialError: One can't be read, is empty, is no text, or may be changed by anybody.
    """
    directory = environment.get(DIRECTORY_VARIABLE)
    if not directory:
        return {}
    found = {name: _read(Path(directory) / f"{PREFIX}{name}") for name in CREDENTIALS}
    return {name: text for name, text in found.items() if text is not None}


def with_password(dsn: str, password: str) -> str:
    """The DSN with a password, unless it has one."""
    try:
        parts = urlsplit(dsn)
    except ValueError:
        return dsn  # the driver says what is wrong with it
    user, at, _ = parts.netloc.partition("@")
    if (at and ":" in user) or "password" in parse_qs(parts.query, keep_blank_values=True):
        return dsn
    return f"{dsn}{'&' if parts.query else '?'}password={quote(password, safe='')}"


def _read(file: Path) -> str | None:
    """The text of a credential; None where there is none."""
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            content = opened.read(LONGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CredentialError(f"can't read the credential {file}: {error.strerror}") from error
    # Who can write it sends the daemon to a database of their own. That some may read it is for its owner to
    # decide: systemd lets the unit's user in by an ACL, which looks like a right of the group's.
    if mode & stat.S_IWOTH:
        raise CredentialError(f"anybody may change the credential {file}: chmod o-w it")
    try:
        text = content.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise CredentialError(f"the credential {file} is no UTF-8 text") from error
    if not text:
        raise CredentialError(f"the credential {file} is empty")
    if len(content) > LONGEST or "\n" in text or "\0" in text:
        raise CredentialError(f"the credential {file} has to be one line of at most {LONGEST} bytes")
    return text
