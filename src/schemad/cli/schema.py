"""`schemad schema`: the shape of a payload, for editors and for programs that write payloads."""

import typer

from schemad.cli.output import print_json
from schemad.request.schema import payload_schema


def add_to(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command()(schema)


def schema() -> None:
    """Print the shape of a payload as JSON Schema, for editors and for programs that write payloads.

    Whether a name, a type or an expression is sound takes more than a schema: `schemad plan FILE` tells.
    """
    print_json(payload_schema())
