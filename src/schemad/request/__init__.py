"""What was asked for: a request read into typed values, with a finding for whatever can't be."""

from schemad.request.finding import Finding, Rule, Severity
from schemad.request.payload import Reading, read_request
from schemad.request.table import Action, Field, Index, Reference, TableRequest

__all__ = [
    "Action",
    "Field",
    "Finding",
    "Index",
    "Reading",
    "Reference",
    "Rule",
    "Severity",
    "TableRequest",
    "read_request",
]
