"""May it run by itself? A request is judged against the policy and what the database already has."""

from schemad.policy.assess import assess
from schemad.policy.difference import Difference, difference
from schemad.policy.facts import Column, RegisteredField, TableFacts
from schemad.policy.policy import Policy

__all__ = ["Column", "Difference", "Policy", "RegisteredField", "TableFacts", "assess", "difference"]
