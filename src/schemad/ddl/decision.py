"""The decision: a queued request taken through reading, judging and planning, as one value."""

from dataclasses import dataclass
from enum import StrEnum

from schemad.ddl import render
from schemad.ddl.plan import Plan, make_plan
from schemad.policy.assess import assess
from schemad.policy.difference import difference
from schemad.policy.facts import TableFacts
from schemad.policy.policy import Policy
from schemad.policy.rules import APPROVAL_STALE, AUTO_CREATE_OFF
from schemad.request.finding import Finding, Severity
from schemad.request.payload import read_request
from schemad.request.table import Action, TableRequest


class Verdict(StrEnum):
    """What the assessment says of a request, as `schema_requests.verdict` keeps it."""

    AUTO = "auto"
    REVIEW = "review"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to become of a request.

    Attributes:
        verdict: auto: low-risk; review: it has findings that hold it.
        findings: Everything that is to be said about it.
        apply: Whether the plan is to run now: low-risk, or approved as it is.
        request: The request as it was understood; None where it could not be.
        plan: What to do for it; None where nothing could be.
        plan_sql: The plan as SQL, shown to reviewers and run as it is.
    """

    verdict: Verdict
    findings: tuple[Finding, ...]
    apply: bool
    request: TableRequest | None
    plan: Plan | None
    plan_sql: str | None


def decide(
    schema_name: str,
    payload: str,
    policy: Policy,
    facts: TableFacts,
    *,
    requested_by: str | None = None,
    auto_create: bool = True,
    approved_sql: str | None = None,
    approved_rules: frozenset[str] | None = None,
) -> Decision:
    """Reads, judges and plans a request.

    Args:
        schema_name: The name of the table, as given.
        payload: The payload, as JSON text.
        policy: What is low-risk.
        facts: What the database holds under the name.
        requested_by: Database role that asks; None when nobody does, as in a plan made offline.
        auto_create: Whether anything may be created without a person.
        approved_sql: The plan that a reviewer approved; None: nobody did.
        approved_rules: Ids of the rules whose findings the reviewer saw; None: they are not compared.
    """
    reading = read_request(schema_name, payload, policy.further_types)
    findings = list(reading.findings)
    if reading.request is None:
        return Decision(Verdict.REVIEW, tuple(findings), False, None, None, None)

    request = reading.request
    lacking = None
    if facts.exists and request.action is Action.ENSURE:
        defaults = {f.name: render.default_sql(f.default) for f in request.fields if f.default}
        lacking = difference(request, facts, defaults)
    findings += assess(request, policy, facts, lacking, requested_by)
    plan = make_plan(request, policy, facts, lacking, requested_by)
    plan_sql = render.script(plan.statements)

    severities = {f.severity for f in findings}
    verdict = Verdict.REVIEW if severities - {Severity.WARN} else Verdict.AUTO
    if Severity.REFUSE in severities:
        apply = False
    elif approved_sql is not None:
        unseen = {f.rule.id for f in findings if f.severity is Severity.REVIEW} - (approved_rules or set())
        apply = approved_sql == plan_sql and (approved_rules is None or not unseen)
        if not apply:
            findings.append(APPROVAL_STALE.finding("the database or the policy changed since the approval"))
            verdict = Verdict.REVIEW
    else:
        apply = verdict is Verdict.AUTO and auto_create
        if verdict is Verdict.AUTO and not auto_create:
            findings.append(AUTO_CREATE_OFF.finding(f"it would have been done: {plan.summary}"))
            verdict = Verdict.REVIEW
    return Decision(verdict, tuple(findings), apply, request, plan, plan_sql)
