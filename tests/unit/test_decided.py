"""What is recorded of a decision, where not all of it can be."""

from typing import Any

from schemad.ddl import Decision, Verdict
from schemad.policy import TableFacts
from schemad.request import Finding, Severity
from schemad.request.payload import FIELD_DUPLICATE, PAYLOAD_GAP
from schemad.request.types import TYPE_UNKNOWN
from schemad.store.decided import MAX_FINDINGS, DecidedRequest, decision_row
from schemad.store.queued import QueuedRequest


def recorded(*findings: Finding) -> list[Any]:
    request = QueuedRequest(
        id=1,
        requester_user_id="user123",
        requested_by="app_one",
        schema_name="notes",
        payload="{}",
        attempts=0,
        decided_by=None,
        decision_reason=None,
        approved_sql=None,
        seen_rules=[],
        facts=TableFacts(),
        policy_version=1,
        was_put_off=False,
        submitted=0.0,
    )
    decision = Decision(Verdict.REVIEW, findings, False, None, None, None)
    rows: list[Any] = decision_row(DecidedRequest(request, decision))["findings"]
    return rows


def test_of_more_findings_than_are_kept_each_rule_is_there_refusals_first() -> None:
    unknown = [TYPE_UNKNOWN.finding("is unknown", field=f"f{n}") for n in range(MAX_FINDINGS)]
    gaps = [PAYLOAD_GAP.finding("has a gap", field=f"f{n}") for n in range(MAX_FINDINGS)]
    twice = FIELD_DUPLICATE.finding("is there 2 times", field="f1")
    kept = recorded(*gaps, *unknown, twice)
    assert len(kept) == MAX_FINDINGS
    assert [row["rule"] for row in kept[:2]] == ["type.unknown", "field.duplicate"]
    assert [row["severity"] for row in kept] == [Severity.REFUSE] * (MAX_FINDINGS - 1) + [Severity.REVIEW]
    assert [row["field"] for row in kept[2:-1]] == [f"f{n}" for n in range(1, MAX_FINDINGS - 2)]


def test_as_many_findings_as_are_kept_stay_in_their_order() -> None:
    gap = PAYLOAD_GAP.finding("has a gap", field="a")
    twice = FIELD_DUPLICATE.finding("is there 2 times", field="b")
    assert [row["field"] for row in recorded(gap, twice)] == ["a", "b"]
