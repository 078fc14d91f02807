"""The table that every contender makes, and the request for it."""

import json

PAYLOAD = json.dumps(
    {
        "fields": [
            {"name": "title", "type": "text", "nullable": False},
            {"name": "quantity", "type": "integer", "default": 0},
            {"name": "details", "type": "jsonb"},
            {"name": "made_at", "type": "timestamptz", "default": "now()"},
        ]
    }
)


def bare_ddl(name: str) -> str:
    """The same table as schemad makes it, without grants and records."""
    return (
        f'CREATE TABLE "{name}" (id bigint NOT NULL GENERATED ALWAYS AS IDENTITY, title text NOT NULL, '
        f"quantity integer DEFAULT '0', details jsonb, made_at timestamptz DEFAULT now(), "
        f'CONSTRAINT "{name}_pkey" PRIMARY KEY (id))'
    )
