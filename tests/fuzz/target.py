"""The target: what holds of the decision about any payload whatever."""

import postgast

from schemad.ddl import Decision, decide
from schemad.ddl.statements import (
    AddColumn,
    AddConstraint,
    Comment,
    CreateIndex,
    CreateTable,
    DropTable,
    Grant,
    SetDefault,
)
from schemad.policy import Policy, TableFacts
from schemad.request import Severity

# How the grammar calls each statement.
KINDS = {
    CreateTable: "create_stmt",
    AddColumn: "alter_table_stmt",
    SetDefault: "alter_table_stmt",
    AddConstraint: "alter_table_stmt",
    CreateIndex: "index_stmt",
    Comment: "comment_stmt",
    Grant: "grant_stmt",
    DropTable: "drop_stmt",
}
TABLE = "asked_for"
POLICY, NOTHING = Policy(), TableFacts()


def check(payload: str) -> Decision:
    """Decides on a payload, and raises AssertionError where the decision is not one that may be."""
    decision = decide(TABLE, payload, POLICY, NOTHING, requested_by="app")
    severities = {finding.severity for finding in decision.findings}
    assert decision.apply == (not severities - {Severity.WARN}), "applied with findings, or held without"
    assert all(finding.message and finding.hint for finding in decision.findings), "a finding that says nothing"
    if decision.plan is None:
        assert Severity.REFUSE in severities, "no plan, and no reason"
        return decision
    # PostgreSQL's grammar reads the SQL as the statements that were planned, and nothing else.
    parsed = [s.stmt.WhichOneof("node") for s in postgast.parse(decision.plan_sql or "").stmts]
    assert parsed == [KINDS[type(s)] for s in decision.plan.statements], f"other statements: {parsed}"
    return decision
