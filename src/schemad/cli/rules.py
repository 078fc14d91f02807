"""`schemad rules`: every reason to refuse, hold or remark on a request."""

import typer
from rich import box
from rich.table import Table

from schemad.cli.json_shapes import Rule
from schemad.cli.options import Json
from schemad.cli.output import print_json, print_table, say
from schemad.policy.rules import all_rules


def add_to(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command()(rules)


def rules(as_json: Json = False) -> None:
    """List the rules: refuse (nobody can approve it), review (waits for a person), warn (is said)."""
    found = all_rules().values()
    if as_json:
        print_json(
            [
                Rule(
                    rule=r.id,
                    severity=r.severity,
                    adjustable=r.adjustable,
                    looks_at=r.looks_at,
                    hint=r.hint,
                )
                for r in found
            ]
        )
        return
    table = Table("rule", "severity", "looks at", box=box.SIMPLE_HEAD, pad_edge=False)
    for rule in found:
        table.add_row(rule.id, f"{rule.severity}{' *' if rule.adjustable else ''}", rule.looks_at)
    print_table(table)
    say("* A policy may change it: schemad policy severity RULE SEVERITY.")
