"""What it costs the daemon to read, judge and plan a request: pure Python, no database."""

import json
import statistics
import time

from schemad.ddl import Verdict, decide
from schemad.policy import Policy, TableFacts, assess
from schemad.request import read_request

# Ten fields and three expressions, as an application would ask for them.
PAYLOAD = json.dumps(
    {
        "description": "Orders of the shop",
        "fields": [
            {"name": "id", "type": "bigserial"},
            {"name": "customer_id", "type": "bigint", "nullable": False},
            {"name": "state", "type": "varchar(20)", "nullable": False, "default": "new"},
            {"name": "price", "type": "numeric(10,2)", "nullable": False},
            {"name": "currency", "type": "char(3)", "default": "EUR"},
            {"name": "placed_at", "type": "timestamptz", "default": "now()"},
            {"name": "due", "type": "date", "default": {"expression": "CURRENT_DATE + 14"}},
            {"name": "notes", "type": "text"},
            {"name": "tags", "type": "text[]", "default": []},
            {"name": "details", "type": "jsonb", "default": {}},
        ],
        "checks": ["price >= 0", "state IN ('new', 'paid', 'sent')"],
        "indexes": [{"fields": ["customer_id"]}],
    }
)


def milliseconds_a_decision(decisions: int = 300, *, fresh: bool) -> float:
    """The median time of a decision, in milliseconds; with expressions never seen before, or known ones."""
    policy, facts = Policy(), TableFacts()
    times = []
    for number in range(decisions):
        # Each with expressions of its own: those that were read before are not read again.
        payload = (
            PAYLOAD.replace("+ 14", f"+ {number}").replace(">= 0", f">= {number}").replace("sent", f"s{number}")
        )
        payload = payload if fresh else PAYLOAD
        started = time.perf_counter()
        decision = decide("orders", payload, policy, facts, requested_by="shop")
        times.append((time.perf_counter() - started) * 1000)
        assert decision.verdict is Verdict.AUTO, decision.findings
    return statistics.median(times)


def milliseconds_an_assessment(assessments: int = 300) -> float:
    """The median time of judging alone, once the request is read, in milliseconds."""
    policy, facts = Policy(), TableFacts()
    request = read_request("orders", PAYLOAD).request
    assert request is not None
    times = []
    for _ in range(assessments):
        started = time.perf_counter()
        findings = assess(request, policy, facts, None, "shop")
        times.append((time.perf_counter() - started) * 1000)
        assert [finding.rule.id for finding in findings] == ["type.padded"]
    return statistics.median(times)


if __name__ == "__main__":
    print("a request of 10 fields and 3 expressions, median milliseconds")
    print(f"  judged:                                   {milliseconds_an_assessment():.3f}")
    print(f"  read, judged and planned, expressions known: {milliseconds_a_decision(fresh=False):.3f}")
    print(f"  read, judged and planned, expressions new:   {milliseconds_a_decision(fresh=True):.3f}")
