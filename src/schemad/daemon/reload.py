"""Reload: reads the settings anew while the daemon works, and takes them over if they can be used, all or none."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import asyncpg
from pydantic import ValidationError

from schemad.credentials import CredentialError
from schemad.observe import configure_logging
from schemad.observe.logs import Log
from schemad.settings import Settings, SettingsFileError, problems, unknown_variables
from schemad.store.connect import LINK_ERRORS, NotAServer, in_few_words
from schemad.store.migrate import SchemaMismatch
from schemad.store.place import AnotherDatabase

OF_LOGGING = {"log_format", "log_level"}
# By these it finds a database, which may be the wrong one.
OF_PLACE = {"dsn", "listen", "listen_dsn"}
# A DSN may have a password in it.
SECRET = {"dsn", "listen_dsn", "password"}
REFUSALS = (
    ValidationError,
    CredentialError,
    SettingsFileError,
    SchemaMismatch,
    NotAServer,
    AnotherDatabase,
    asyncpg.PostgresError,
    asyncpg.ClientConfigurationError,
    *LINK_ERRORS,
)


class Reload:
    """Reads settings anew whenever it is asked to.

    Args:
        settings: Those in use; changed in place.
        load: Reads them anew.
        check: Raises if a database that they name is none to work on.
        follow: Told the names of those that have changed, once they have.
        log: Where it is told what became of it.
        done: Called once it is over, whatever became of it.
    """

    def __init__(
        self,
        settings: Settings,
        load: Callable[[], Settings],
        check: Callable[[Settings], Awaitable[None]],
        follow: Callable[[set[str]], None],
        log: Log,
        done: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._load = load
        self._check = check
        self._follow = follow
        self._log = log
        self._done = done
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Has it read them once more; asked several times at once, it does so once."""
        self._asked.set()

    async def run(self) -> None:
        """Reads them whenever asked, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self._read()
            self._done()

    async def _read(self) -> None:
        try:
            new = self._load()
            unknown = unknown_variables()
            changed = self._settings.differences(new)
            if changed & OF_PLACE:
                await self._check(new)
        except REFUSALS as error:
            reason = problems(error) if isinstance(error, ValidationError) else [in_few_words(error)]
            # What was in use stays in use, all of it.
            self._log.error("settings.refused", error="; ".join(reason))
            return
        told = {
            name: "(not shown)" if name in SECRET else [getattr(self._settings, name), getattr(new, name)]
            for name in sorted(changed)
        }
        self._settings.adopt(new)
        if changed & OF_LOGGING:
            configure_logging(new.log_format, new.log_level)
        self._log.info("settings.reloaded", changed=told)
        warn_of_unknown(unknown, self._log)
        self._follow(changed)


def warn_of_unknown(unknown: Mapping[str, str | None], log: Log) -> None:
    """Tells of variables that are mistyped, most likely, each with the nearest setting: nothing else would."""
    for name, nearest in unknown.items():
        log.warning("settings.unknown", variable=name, nearest=nearest)
