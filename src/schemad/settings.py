"""The environment: what one process is told. What counts as low-risk is in the database, not here."""

import difflib
import os
import re
import stat
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Self

from dotenv.parser import parse_stream
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from schemad.address import Address
from schemad.credentials import CREDENTIALS, Credentials, with_password

# Names a file of further variables, which can be changed while a daemon runs.
ENV_FILE = "SCHEMAD_ENV_FILE"
# Variables that are no settings: this file's, of the embedded server, of the tests, and of compose.yaml.
OTHER_VARIABLES = frozenset(
    {
        ENV_FILE,
        "SCHEMAD_PG_BIN",
        "SCHEMAD_TEST_DSN",
        "SCHEMAD_POSTGRES_PORT",
        "SCHEMAD_IMAGE",
        "SCHEMAD_SECRETS",
    }
)
# The one setting that has two names.
_HAS_OTHER_NAME, _OTHER_NAME = "SCHEMAD_ENABLE_AUTO_CREATE", "ENABLE_SCHEMA_AUTO_CREATE"
# What Kubernetes puts into each container where a service is called schemad.
_OF_KUBERNETES = re.compile(r"SCHEMAD_(SERVICE_HOST|SERVICE_PORT|PORT)(_\w+)?")

# What is wrong with a value, by the name that pydantic has for it.
_WRONG = {
    "bool_parsing": "it is neither true nor false",
    "int_parsing": "it is not a whole number",
    "int_parsing_size": "it is too large",
    "float_parsing": "it is not a number",
    "greater_than": "it has to be more than {gt:g}",
    "greater_than_equal": "it has to be {ge:g} or more",
    "less_than_equal": "it may be {le:g} at most",
    "enum": "it is not {expected}",
}


class LogFormat(StrEnum):
    """How log lines are written."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


class LogLevel(StrEnum):
    """The least severity that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class SettingsFileError(Exception):
    """The file of settings can't be read."""


class Settings(BaseSettings):
    """Settings of a process, each from the environment variable SCHEMAD_<NAME>. Durations are in seconds.

    Raises:
        ValidationError: A variable can't be read.
        CredentialError: A credential can't.
    """

    model_config = SettingsConfigDict(env_prefix="SCHEMAD_", populate_by_name=True, extra="ignore")

    dsn: str | None = Field(
        default=None,
        description="Database, as postgresql://user@host/database. Unset: PGHOST, PGUSER and so on.",
    )
    listen_dsn: str | None = Field(
        default=None,
        description="The same database for LISTEN, where notifications come another way than the rest. Unset: the "
        "dsn.",
    )
    password: SecretStr | None = Field(
        default=None,
        description="For the dsn and the listen_dsn, where these have none. Unset: PGPASSWORD, or the password "
        "file.",
    )
    listen: bool = Field(
        default=True,
        description="Whether notifications wake the daemon. Off: it opens no connection for them, and only polls.",
    )
    enable_auto_create: bool = Field(
        default=False,
        validation_alias=AliasChoices(_HAS_OTHER_NAME, _OTHER_NAME),
        description="Whether low-risk requests are applied by themselves. Off: every request waits, with what "
        "would have been done. ENABLE_SCHEMA_AUTO_CREATE is read too.",
    )
    batch_size: int = Field(
        default=25,
        ge=1,
        le=1000,
        # There is room for 4,096 messages (MAXNUMMESSAGES in PostgreSQL's sinvaladt.c): see benchmarks/batches.py.
        description="Requests in one transaction. The commit of more than some 30 tables has every session of the "
        "server drop its caches.",
    )
    appliers: int = Field(
        default=2,
        ge=1,
        le=16,
        description="Batches that may be applied side by side, each on a connection of its own. One more reads.",
    )
    poll_interval: float = Field(
        default=30.0,
        gt=0,
        le=3600,
        description="The queue is looked at this often even if nothing woke the daemon; jittered by a tenth.",
    )
    probe_interval: float = Field(
        default=10.0,
        gt=0,
        le=3600,
        description="The listener proves this often that notifications still come through.",
    )
    probe_timeout: float = Field(
        default=5.0, gt=0, le=60, description="A probe that is not back by then means a dead link."
    )
    connect_timeout: float = Field(default=10.0, gt=0, le=300, description="For opening a connection.")
    lock_timeout: float = Field(
        default=0.3,
        gt=0,
        le=60,
        description="How long DDL waits for a lock before its request is put off; all readers wait behind it.",
    )
    statement_timeout: float = Field(
        default=9.0,
        gt=0,
        le=3600,
        description="For one batch in the server, with what was approved in it. A backend that stands still is "
        "noticed a probe_timeout later.",
    )
    prune_interval: float = Field(
        default=3600.0,
        gt=0,
        le=86400,
        description="Rows that are older than the policy keeps are pruned this often, by one daemon in turn.",
    )
    drain_deadline: float = Field(
        default=10.0, gt=0, le=600, description="For the batch in hand, once asked to stop."
    )
    metrics_addr: str | None = Field(
        default=None,
        description="Where /metrics, /healthz and /readyz are served, as 127.0.0.1:9187 or [::1]:9187; a port "
        "alone is on 127.0.0.1. Unset: nowhere.",
    )
    tracing: bool = Field(
        default=False,
        description="Whether spans go to OpenTelemetry, as its own variables say. Takes schemad[otel].",
    )
    log_format: LogFormat = Field(
        default=LogFormat.AUTO, description="json or console; auto: console on a terminal."
    )
    log_level: LogLevel = Field(default=LogLevel.INFO, description="debug, info, warning or error.")

    _dsn_was_given: bool = False

    @classmethod
    def load(cls, dsn: str | None = None) -> "Settings":
        """The settings of the environment, else of the file that SCHEMAD_ENV_FILE names, else of credentials.

        Args:
            dsn: The database, which goes before all of them; None: as they say.

        Raises:
            SettingsFileError: That file can't be read.
            CredentialError: A credential can't.
            pydantic.ValidationError: A value can't be used.
        """
        _names_in_file()
        path = os.environ.get(ENV_FILE) or None
        # What is given goes first, None included.
        return cls(_env_file=path) if dsn is None else cls(_env_file=path, dsn=dsn)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - it has names of its own for files
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What goes first: an argument, the environment, the file of SCHEMAD_ENV_FILE, a credential."""
        return init_settings, env_settings, dotenv_settings, Credentials(settings_cls)

    @model_validator(mode="after")
    def _give_the_password(self) -> Self:
        """Puts the password where the driver looks for it first, so that whoever has the DSN can connect."""
        self._dsn_was_given = self.dsn is not None
        if self.password is not None:
            password = self.password.get_secret_value()
            self.dsn = with_password(self.dsn or "postgresql://", password)
            self.listen_dsn = self.listen_dsn and with_password(self.listen_dsn, password)
        return self

    @property
    def dsn_was_given(self) -> bool:
        """Whether a DSN was, and not only a password for the database that PGHOST and so on name."""
        return self._dsn_was_given

    @property
    def dsn_for_listening(self) -> str | None:
        """The database that the listener connects to."""
        return self.listen_dsn or self.dsn

    @property
    def metrics_address(self) -> Address | None:
        """Where the daemon's pages are served; None: nowhere."""
        return Address.parse(self.metrics_addr) if self.metrics_addr else None

    def differences(self, other: "Settings") -> set[str]:
        """The names of what the other has otherwise."""
        return {n for n in type(self).model_fields if getattr(self, n) != getattr(other, n)}

    def adopt(self, other: "Settings") -> None:
        """Takes over what the other has, in place: whoever has these settings has the new ones from now on."""
        for name in self.differences(other):
            setattr(self, name, getattr(other, name))

    @field_validator(*CREDENTIALS)
    @classmethod
    def _is_text(cls, given: str | SecretStr | None) -> str | SecretStr | None:
        text = given.get_secret_value() if isinstance(given, SecretStr) else given
        # Bytes of the environment that are no UTF-8 arrive as lone surrogates.
        if text and not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            raise ValueError("it is no UTF-8 text")
        return given

    @field_validator("dsn", "listen_dsn")
    @classmethod
    def _empty_is_unset(cls, dsn: str | None) -> str | None:
        return dsn or None

    @field_validator("metrics_addr")
    @classmethod
    def _is_address(cls, text: str | None) -> str | None:
        if text:
            Address.parse(text)
        return text


def unknown_variables() -> dict[str, str | None]:
    """Variables of the environment and of the file of SCHEMAD_ENV_FILE that look like settings and are none.

    Returns:
        The known variable that is nearest, by the unknown one; None where none is near.

    Raises:
        SettingsFileError: That file can't be read.
    """
    given = [*os.environ, *_names_in_file()]
    known = {f"SCHEMAD_{name.upper()}" for name in Settings.model_fields}
    unknown = {
        name
        for name in (each.upper() for each in given)
        if name.startswith("SCHEMAD_")
        and name not in known | OTHER_VARIABLES
        and not _OF_KUBERNETES.fullmatch(name)
    }
    nearest = {name: difflib.get_close_matches(name, sorted(known), n=1) for name in sorted(unknown)}
    return {name: found[0] if found else None for name, found in nearest.items()}


def _names_in_file() -> list[str]:
    """The names of the variables that the file of SCHEMAD_ENV_FILE sets; none where there is no such file.

    Raises:
        SettingsFileError: It can't be read, or a line of it can't.
    """
    path = os.environ.get(ENV_FILE)
    if not path:
        return []
    try:
        if stat.S_ISFIFO(os.stat(path).st_mode):
            raise SettingsFileError(f"{ENV_FILE}={path}: a pipe can be read only once; name a file")
        with Path(path).open(encoding="utf-8") as file:
            lines = list(parse_stream(file))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsFileError(f"{ENV_FILE}={path}: {reason}") from error
    for line in lines:
        # The name of a setting without a value would be passed over; another program's is its own affair.
        if line.error or (line.value is None and (line.key or "").upper().startswith("SCHEMAD_")):
            # What the parser can't read may start with empty lines. The text may be a password, and is not shown.
            text = line.original.string
            number = line.original.line + text[: len(text) - len(text.lstrip())].count("\n")
            raise SettingsFileError(f"{ENV_FILE}={path}: line {number} does not read like SCHEMAD_LOG_LEVEL=debug")
    return [line.key for line in lines if line.key]


def problems(error: ValidationError) -> list[str]:
    """What is wrong with settings, by environment variable; without what may be a password."""
    return [_problem(problem) for problem in error.errors()]


def _problem(problem: ErrorDetails) -> str:
    variable, given, wrong = _variable(problem["loc"]), problem["input"], _wrong(problem)
    # Of a setting with a secret, or a DSN that went to the wrong one.
    if problem["loc"] and problem["loc"][-1] not in CREDENTIALS and "://" not in str(given):
        return f"{variable}={given}: {wrong}"
    return f"{variable}: {wrong.replace(repr(given), 'it')}"


def _wrong(problem: ErrorDetails) -> str:
    """What is wrong with a value; pydantic's own words are for programmers."""
    context = problem.get("ctx", {})
    match problem["type"]:
        case "value_error":
            return str(context["error"])
        case kind if kind in _WRONG:
            return _WRONG[kind].format(**context)
        case _:
            return problem["msg"]


def _variable(location: Sequence[int | str]) -> str:
    """The environment variable that a setting was read from."""
    name = "_".join(str(part) for part in location).upper()
    if not name.startswith("SCHEMAD_"):
        name = f"SCHEMAD_{name}"
    if name == _HAS_OTHER_NAME:
        # The environment goes before the file, by whichever name.
        for given in (list(os.environ), _names_in_file()):
            for each in (name, _OTHER_NAME):
                if each in map(str.upper, given):
                    return each
    return name
