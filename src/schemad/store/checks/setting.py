"""A setting of the server as a session of this role gets it, and what changes it where it comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schemad.store.connect import Connection
from schemad.store.sql_files import query

_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0}


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting.

    Attributes:
        name: Its name.
        value: In its unit.
        unit: Such as ms; empty where it has none.
        source: Where the value comes from, as pg_settings says it.
        role: This role, quoted.
        database: This database, quoted.
    """

    name: str
    value: str
    unit: str
    source: str
    role: str
    database: str

    @property
    def seconds(self) -> float:
        """A duration."""
        return float(self.value) * _SECONDS[self.unit]

    @property
    def number(self) -> int:
        """A count."""
        return int(self.value)

    def reset(self, wanted: str) -> str:
        """The command that has it be `wanted`, where that is the default of the server.

        Args:
            wanted: The value, as SQL.
        """
        match self.source:
            case "database":
                return f"ALTER DATABASE {self.database} RESET {self.name};"
            case "user":
                return f"ALTER ROLE {self.role} RESET {self.name};"
            case "database user":
                return f"ALTER ROLE {self.role} IN DATABASE {self.database} RESET {self.name};"
            case "client":
                return f"leave {self.name} out of PGOPTIONS and of the options in the DSN"
            case _:
                return f"ALTER SYSTEM SET {self.name} = {wanted}; SELECT pg_reload_conf();"

    def set_for_role(self, wanted: str) -> str:
        """The command that has it be `wanted` for this role alone."""
        return f"ALTER ROLE {self.role} SET {self.name} = {wanted};"


async def read_settings(connection: Connection, names: Sequence[str]) -> Mapping[str, Setting]:
    """The settings of these names that this version of the server knows."""
    rows = await connection.fetch(query("server_settings"), list(names))
    return {row["name"]: Setting(**dict(row)) for row in rows}
