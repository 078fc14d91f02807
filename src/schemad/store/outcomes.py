"""Outcomes: a decision about a queued request, in the form in which the database records it."""

from dataclasses import asdict, dataclass
from typing import Any

from schemad.ddl import Decision, Operation, Plan
from schemad.ddl.render import default_sql
from schemad.policy import RegisteredField, TableFacts
from schemad.request import Field
from schemad.store.queued import QueuedRequest

# Who decided, where no person did.
POLICY_DECIDER = "schemad"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to become of a request.

    Attributes:
        request: The request.
        decision: What was decided.
        error_code: SQLSTATE with which its plan broke off a call of its own; None: it did not.
        error_message: The error in words.
    """

    request: QueuedRequest
    decision: Decision
    error_code: str | None = None
    error_message: str | None = None

    @property
    def changes_table(self) -> str | None:
        """The table that it is to change; None where it only records."""
        plan = self.decision.plan
        return plan.table.name if plan and self.decision.apply else None


def outcome_row(outcome: Outcome) -> dict[str, Any]:
    """An outcome as `schemad.apply_batch()` takes it."""
    request, decision = outcome.request, outcome.decision
    row: dict[str, Any] = {
        "request_id": request.id,
        "attempts": request.attempts,
        "verdict": decision.verdict,
        "findings": [finding.as_row() for finding in decision.findings],
        "plan_sql": decision.plan_sql,
        "apply": decision.apply and outcome.error_code is None,
        "error_code": outcome.error_code,
        "error_message": outcome.error_message,
    }
    if decision.plan is not None and decision.request is not None:
        by_person = request.decided_by is not None
        row |= {
            "operation": decision.plan.operation,
            "summary": decision.plan.summary,
            "expected_version": decision.plan.expected_version,
            "decided_by": request.decided_by if by_person else POLICY_DECIDER,
            "decision_reason": request.decision_reason if by_person else f"low-risk: {decision.plan.summary}",
            "registry": _registry_row(decision.plan, decision.request.description, request.facts),
        }
    return row


def _registry_row(plan: Plan, description: str | None, facts: TableFacts) -> dict[str, Any]:
    earlier = () if plan.operation is Operation.CREATE_TABLE else facts.fields
    added = [_registered(field) for field in plan.added]
    return {
        "name": plan.table.name,
        "description": description,
        "fields": [asdict(field) for field in (*earlier, *added)],
        # The database takes the metadata from the payload, by position: numbers in it stay as they were written.
        "added": [
            {**asdict(row), "position": field.position} for row, field in zip(added, plan.added, strict=True)
        ],
    }


def _registered(field: Field) -> RegisteredField:
    default = default_sql(field.default) if field.default else None
    return RegisteredField(field.name, str(field.type), field.nullable, default)
