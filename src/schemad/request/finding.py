"""Findings: what is to be said about a request, each by a rule with a stable id."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypedDict


class Severity(StrEnum):
    """What a finding does to its request."""

    REFUSE = "refuse"  # nobody can approve it: there is no SQL that would be right
    REVIEW = "review"  # waits for a person
    WARN = "warn"  # is said, and changes nothing


@dataclass(frozen=True, slots=True)
class Rule:
    """One documented reason to refuse, hold or remark on a request.

    Attributes:
        id: Stable, `noun.what`; users and programs match on it.
        severity: What a finding by this rule does.
        looks_at: What the rule looks at, in a sentence.
        hint: What would pass, unless the finding knows better.
        adjustable: Whether a policy may make it another severity: where the worst that comes of it is a table
            that somebody would rather not have.
    """

    id: str
    severity: Severity
    looks_at: str
    hint: str
    adjustable: bool = False

    def finding(self, message: str, *, field: str | None = None, hint: str = "") -> "Finding":
        """A finding by this rule: what is wrong, with which field, and what would pass."""
        return Finding(self, self.severity, message, field, hint or self.hint)


class FindingRow(TypedDict):
    """A finding as it is stored in `schema_requests.findings`, and as `--json` prints it."""

    rule: Annotated[str, "its id, as `schemad rules` lists it"]
    severity: Annotated[str, "refuse, review or warn"]
    field: Annotated[str | None, "null: it is about the table"]
    message: str
    hint: Annotated[str, "what would pass"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule has to say about one request."""

    rule: Rule
    severity: Severity
    message: str
    field: str | None
    hint: str

    def as_row(self) -> FindingRow:
        """The finding as JSON."""
        return {
            "rule": self.rule.id,
            "severity": self.severity.value,
            "field": self.field,
            "message": self.message,
            "hint": self.hint,
        }

    def __str__(self) -> str:
        subject = f"{self.field}: " if self.field else ""
        return f"{subject}{self.message} [{self.rule.id}]"
