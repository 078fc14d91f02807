"""Failures: the errors that a user can meet, in words, each with its exit code.

Apart from the program, as most runs meet none, and looking for them loads the driver.
"""

import errno

from pydantic import ValidationError

from schemad.cli.exit_code import ExitCode
from schemad.credentials import CredentialError
from schemad.embedded import EmbeddedPostgresError
from schemad.observe.http import AddressUnavailable
from schemad.observe.tracing import TracingUnavailable
from schemad.settings import SettingsFileError, problems
from schemad.store.errors import explain, is_bad_input

# What a file refuses, and no link to a server: standard output is then one.
_UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})


def told(error: Exception) -> tuple[list[str], ExitCode] | None:
    """What to tell of an error, a message each, and how the run ends; None: it is a defect of schemad's."""
    match error:
        case ValidationError():
            return problems(error), ExitCode.BAD_INPUT
        case SettingsFileError() | CredentialError():
            return [str(error)], ExitCode.BAD_INPUT
        case EmbeddedPostgresError() | AddressUnavailable() | TracingUnavailable():
            return [str(error)], ExitCode.FAILED
        case OSError() if error.filename is not None:
            return [f"can't use {error.filename}: {error.strerror}"], ExitCode.FAILED
        case OSError() if error.errno in _UNWRITABLE:
            return [f"can't write the output: {error.strerror}"], ExitCode.FAILED
        case _:
            message = explain(error)
            if message is None:
                return None
            return [message], ExitCode.BAD_INPUT if is_bad_input(error) else ExitCode.FAILED
