"""Which SQL is that? A judged request as an ordered plan of statements, and their one rendering."""

from schemad.ddl.decision import Decision, Verdict, decide
from schemad.ddl.plan import Operation, Plan

__all__ = ["Decision", "Operation", "Plan", "Verdict", "decide"]
