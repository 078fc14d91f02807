"""A decided request: what was decided on a queued one, as the database is to apply and record it."""

from dataclasses import dataclass
from typing import Any

from schemad.ddl import Decision, Operation, Plan
from schemad.ddl.render import default_sql, script
from schemad.ddl.statements import CreateIndex, CreateTable, PrimaryKey, Unique
from schemad.policy import RegisteredField, TableFacts
from schemad.request import Field, Finding, Severity
from schemad.request.defaults import Default
from schemad.request.expressions import Expression
from schemad.store.queued import QueuedRequest

# Who decided, where no person did.
POLICY_DECIDER = "schemad"

# A payload may break a rule 20,000 times, and each finding is kept with the request, its log and its message.
MAX_FINDINGS = 200


@dataclass(frozen=True, slots=True)
class DecidedRequest:
    """A request that was read from the queue, with what is to become of it.

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
    def locks_others(self) -> bool:
        """Whether it may wait for, or keep waiting, whoever uses a table that is there already."""
        plan = self.decision.plan
        if plan is None or not plan.statements or not self.decision.apply:
            return False
        return self.request.facts.relation is not None or any(field.references for field in plan.added)

    @property
    def runs_others_code(self) -> bool:
        """Whether it may run what is not PostgreSQL's own: approved functions, checks of a domain."""
        plan = self.decision.plan
        by_person = self.request.decided_by is not None
        return by_person or (plan is not None and plan.uses_others_types)


def decision_row(decided: DecidedRequest) -> dict[str, Any]:
    """One of the decisions, as `schemad.apply_batch()` takes them."""
    request, decision = decided.request, decided.decision
    row: dict[str, Any] = {
        "request_id": request.id,
        "attempts": request.attempts,
        "approved_by": request.decided_by,
        "verdict": decision.verdict,
        "findings": [finding.as_row() for finding in _kept(decision.findings)],
        "plan_sql": decision.plan_sql,
        "is_approved": decision.apply and request.decided_by is not None,
        "apply": decision.apply and decided.error_code is None,
        "error_code": decided.error_code,
        "error_message": decided.error_message,
    }
    if decision.plan is not None and decision.request is not None:
        by_person = request.decided_by is not None
        row |= {
            "operation": decision.plan.operation,
            "summary": decision.plan.summary,
            "expected_id": request.facts.schema_id,
            "expected_version": decision.plan.expected_version,
            "requested_by": request.requested_by,
            "decided_by": request.decided_by if by_person else POLICY_DECIDER,
            "decision_reason": request.decision_reason if by_person else f"low-risk: {decision.plan.summary}",
            "guards": script(decision.plan.guards),
            "trials": script(decision.plan.trials),
            # What goes by itself has no other code than that of allowed types.
            "uses_others_code": decision.plan.uses_others_types
            or (by_person and decision.plan.uses_unlisted_code),
            "proof": _proof_row(decision.plan, request.requested_by, lenient=by_person),
            "registry": _registry_row(decision.plan, decision.request.description, request.facts),
        }
    return row


def _kept(findings: tuple[Finding, ...]) -> list[Finding]:
    """The findings that are recorded: all, or the first of each rule and as many repetitions as there is room for.

    An approval lifts the rules that were recorded, so none of them may be missing. Those that nobody can lift come
    before the others.
    """
    if len(findings) <= MAX_FINDINGS:
        return list(findings)
    ordered = sorted(findings, key=_can_be_lifted)
    first = {finding.rule.id: finding for finding in reversed(ordered)}
    ordered.sort(key=lambda f: first[f.rule.id] is not f)
    return sorted(ordered[:MAX_FINDINGS], key=_can_be_lifted)


def _can_be_lifted(finding: Finding) -> bool:
    return finding.severity is not Severity.REFUSE


def _proof_row(plan: Plan, requested_by: str, *, lenient: bool) -> dict[str, Any] | None:
    """What the catalog has to say once the plan has run; None where it does not change a table's fields.

    Args:
        plan: The plan.
        requested_by: Role that asked: it references tables of its own.
        lenient: Whether a person approved it: then it may use what is not PostgreSQL's own, and tables of others.
    """
    if plan.operation not in {Operation.CREATE_TABLE, Operation.ADD_FIELDS}:
        return None
    constraints = [c for s in plan.statements if isinstance(s, CreateTable) for c in s.constraints]
    indexes = [s for s in plan.statements if isinstance(s, CreateIndex)]
    return {
        "table": plan.table.name,
        "primary_key": plan.primary_key,
        "constraints": len(constraints),
        "indexes": len(indexes) + sum(isinstance(c, PrimaryKey | Unique) for c in constraints),
        "lenient": lenient,
        "requested_by": requested_by,
        "foreign_keys": plan.foreign_keys,
        "columns": [
            {
                "name": field.name,
                "type": field.type.catalog_name,
                "nullable": field.nullable,
                "generated": field.type.is_serial,
                "default": _leaves_default(field.default),
            }
            for field in plan.added
        ],
    }


def _leaves_default(default: Default | None) -> bool | None:
    """Whether the catalog keeps a default. None: it may; of those that are NULL, PostgreSQL drops some."""
    is_null = isinstance(default, Expression) and default.sql.split("::")[0].upper() == "NULL"
    return None if is_null else default is not None


def _registry_row(plan: Plan, description: str | None, facts: TableFacts) -> dict[str, Any]:
    earlier = () if plan.operation is Operation.CREATE_TABLE else facts.fields
    added = [_registered(field) for field in plan.added]
    anew = {field.name for field in added}
    return {
        "name": plan.table.name,
        "description": description,
        # Somebody may have dropped a column by hand that is added anew.
        "fields": [_field_row(f) for f in earlier if f.name not in anew] + [_field_row(f) for f in added],
        # The database takes the metadata from the payload, by position: numbers in it stay as they were written.
        "added": [
            _field_row(row) | {"position": field.position} for row, field in zip(added, plan.added, strict=True)
        ],
    }


def _field_row(field: RegisteredField) -> dict[str, Any]:
    return {"name": field.name, "type": field.type, "nullable": field.nullable, "default": field.default}


def _registered(field: Field) -> RegisteredField:
    default = default_sql(field.default) if field.default else None
    return RegisteredField(field.name, str(field.type), field.nullable, default)
