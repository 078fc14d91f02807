"""The table that every contender makes, and the request for it."""

import json
from typing import Any

from schemad.ddl.render import identifier

_REQUEST: dict[str, Any] = {
    "fields": [
        {"name": "title", "type": "text", "nullable": False},
        {"name": "quantity", "type": "integer", "default": 0},
        {"name": "details", "type": "jsonb"},
        {"name": "made_at", "type": "timestamptz", "default": "now()"},
    ]
}
PAYLOAD = json.dumps(_REQUEST)
# Low-risk as it reads, and refused by the server after the table was made: json has no order to build an index by.
POISONED_PAYLOAD = json.dumps(
    {
        "fields": [*_REQUEST["fields"], {"name": "document", "type": "json"}],
        "indexes": [{"fields": ["document"]}],
    }
)
# What the registry then holds: name, type and default of each field, the added key first.
FIELDS = (
    ("id", "bigint", None),
    ("title", "text", None),
    ("quantity", "integer", "'0'"),
    ("details", "jsonb", None),
    ("made_at", "timestamp with time zone", "now()"),
)


def bare_ddl(name: str) -> str:
    """The same table as schemad makes it, without grants and records."""
    return (
        f"CREATE TABLE {identifier(name)} (id bigint NOT NULL GENERATED ALWAYS AS IDENTITY, title text NOT NULL, "
        f"quantity integer DEFAULT '0', details jsonb, made_at timestamptz DEFAULT now(), "
        f"CONSTRAINT {identifier(f'{name}_pkey')} PRIMARY KEY (id))"
    )
