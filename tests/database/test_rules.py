"""Every rule that an error or a finding names is on the list of rules, in SQL as in Python."""

import re

from schemad.policy.rules import all_rules, database_rules
from schemad.store.sql_files import reapplied

# As a literal, or named in a DETAIL.
_NAMED = re.compile(r"(?:'|Rule )((?:request|payload|field|name|type|limit|review|apply|table)\.[a-z_]+)\b")


def test_what_the_database_names_is_a_rule_and_each_of_its_rules_is_named() -> None:
    named = {rule for file in reapplied() for rule in _NAMED.findall(file.sql)} - {"name.invalid'"}
    assert named <= all_rules().keys()
    assert database_rules().keys() <= named
