"""The assessment: every finding that the policy has about a request, given what the database holds."""

from collections.abc import Iterator
from dataclasses import replace

from schemad.policy import rules
from schemad.policy.difference import Difference, all_uniques
from schemad.policy.expressions import expression_findings, is_volatile
from schemad.policy.facts import RELATION_KINDS, TableFacts
from schemad.policy.policy import Policy
from schemad.request.expressions import Expression
from schemad.request.finding import Finding
from schemad.request.table import Action, Field, TableRequest
from schemad.request.types import Family

# Families whose literals may be a moment: any that isn't built in might be a domain over one.
_MOMENTS = frozenset({Family.DATE, Family.TIME, Family.TIMESTAMP, Family.OTHER})


def assess(
    request: TableRequest,
    policy: Policy,
    facts: TableFacts,
    lacking: Difference | None,
    requested_by: str | None,
) -> tuple[Finding, ...]:
    """Judges a request.

    Args:
        request: What is asked for.
        policy: What is low-risk.
        facts: What the database holds under the name.
        lacking: What the table lacks, where it exists.
        requested_by: Database role that asks; None when nobody does, as in a plan made offline.

    Returns:
        The findings; a request without any but warnings is low-risk.
    """
    findings = [*_table(request, policy, facts, requested_by)]
    if request.action is Action.ENSURE:
        findings += _limits(request, policy)
        if lacking is None:
            findings += _quotas(facts, requested_by)
        for field in request.fields if lacking is None else lacking.fields:
            findings += _field(field, policy)
        for field in request.fields if lacking is None else lacking.references:
            findings += _reference(field, request, policy, facts, requested_by)
        columns = frozenset(f.name for f in request.fields) | {c.name for c in facts.columns}
        for check in request.checks if lacking is None else lacking.checks:
            moments = _may_have_moments(check, request)
            findings += expression_findings(check, columns=columns, field=None, what="the check", moments=moments)
        if lacking is not None:
            findings += _change(lacking, facts)
    return tuple(_adjusted(finding, policy) for finding in findings)


def _adjusted(finding: Finding, policy: Policy) -> Finding:
    """The finding with the severity that the policy gives its rule, where it may."""
    severity = policy.severities.get(finding.rule.id)
    return replace(finding, severity=severity) if severity and finding.rule.adjustable else finding


def _table(
    request: TableRequest, policy: Policy, facts: TableFacts, requested_by: str | None
) -> Iterator[Finding]:
    name = request.name
    if name in policy.protected_tables:
        yield rules.NAME_PROTECTED.finding(f"{name} is a protected table")
    if not facts.is_registered:
        if request.action is not Action.ENSURE:
            yield rules.TABLE_UNKNOWN.finding(f"schemad has made no table {name}")
        elif facts.relation:
            kind = RELATION_KINDS.get(facts.relation, "relation")
            yield rules.TABLE_TAKEN.finding(f"{name} is already the name of a {kind}")
        elif facts.has_type:
            yield rules.TABLE_TAKEN.finding(f"{name} is already the name of a type")
        return
    if facts.relation not in (None, "r"):
        kind = RELATION_KINDS.get(facts.relation, "relation")
        yield rules.TABLE_TAKEN.finding(f"{name} is now the name of a {kind}")
    elif facts.relation is None:
        yield rules.TABLE_MISSING.finding(f"the table {name} was dropped by hand")
    if requested_by is not None and facts.owner_role != requested_by:
        becomes = "" if facts.relation else f", and made again would be one of role {requested_by}"
        yield rules.TABLE_ANOTHER_ROLE.finding(f"{name} is a table of role {facts.owner_role}{becomes}")
    if not facts.is_active and request.action is Action.ENSURE:
        yield rules.TABLE_DEPRECATED.finding(f"{name} is deprecated")
    if request.action is Action.DROP:
        yield rules.TABLE_DROP.finding(f"{name} and its rows would be gone")


def _limits(request: TableRequest, policy: Policy) -> Iterator[Finding]:
    asked = sum(not field.always_generated for field in request.fields)
    if asked > policy.max_fields:
        yield rules.LIMIT_FIELDS.finding(f"{asked} fields; the policy allows {policy.max_fields}")
    if request.index_count > policy.max_indexes:
        yield rules.LIMIT_INDEXES.finding(f"{request.index_count} indexes; the policy allows {policy.max_indexes}")


def _quotas(facts: TableFacts, requested_by: str | None) -> Iterator[Finding]:
    for quota in facts.quotas_reached:
        had = "has had {} made within 24 hours" if quota.setting == "tables_per_day" else "has {}"
        tables = f"{quota.tables} {'table' if quota.tables == 1 else 'tables'}"
        yield rules.LIMIT_TABLES.finding(
            f"role {requested_by} {had.format(tables)}; the policy allows {quota.allowed} ({quota.setting})"
        )


def _field(field: Field, policy: Policy) -> Iterator[Finding]:
    known = field.type.known
    if known.name not in policy.auto_types:
        yield rules.TYPE_NOT_SAFE.finding(f"{field.type} needs a review", field=field.name)
    if known.name == "char":
        yield rules.TYPE_PADDED.finding(f"{field.type} pads with spaces", field=field.name)
    if isinstance(field.default, Expression):
        moments = known.family in _MOMENTS
        yield from expression_findings(
            field.default, columns=frozenset(), field=field.name, what="the default", moments=moments
        )


def _may_have_moments(check: Expression, request: TableRequest) -> bool:
    """Whether a check names a field of a date or time, or one of which the request does not tell."""
    families = {f.name: f.type.known.family for f in request.fields}
    return any(families.get(column, Family.OTHER) in _MOMENTS for column in check.columns)


def _reference(
    field: Field, request: TableRequest, policy: Policy, facts: TableFacts, requested_by: str | None
) -> Iterator[Finding]:
    if field.references is None:
        return
    table, key = field.references.table, field.references.field
    target = facts.references.get(table)
    if table == request.name:
        alone = {u[0] for u in all_uniques(request) if len(u) == 1} | {
            i.fields[0] for i in request.indexes if i.unique and len(i.fields) == 1
        }
        keys = alone | ({key} if request.primary_key == (key,) else set())
        if facts.exists:
            keys |= facts.keys
        if key not in keys:
            yield rules.REFERENCE_NO_KEY.finding(f"{table}.{key} is no key by itself", field=field.name)
    elif table in policy.protected_tables:
        yield rules.REFERENCE_PROTECTED.finding(f"it references the protected table {table}", field=field.name)
    elif target is None and table in facts.references:
        yield rules.REFERENCE_MISSING.finding(f"there is no table {table}", field=field.name)
    elif target is None or not target.is_managed:
        yield rules.REFERENCE_UNMANAGED.finding(
            f"it references {table}, which schemad did not make", field=field.name
        )
    else:
        if key not in target.keys:
            yield rules.REFERENCE_NO_KEY.finding(f"{table}.{key} is no key by itself", field=field.name)
        if requested_by is not None and target.owner_role != requested_by:
            yield rules.REFERENCE_ANOTHER_ROLE.finding(
                f"it references {table}, a table of role {target.owner_role}", field=field.name
            )
        if target.bytes is not None and target.bytes > policy.max_referenced_bytes:
            yield rules.REFERENCE_LARGE.finding(
                f"{table} has {target.bytes:,} bytes; the policy allows {policy.max_referenced_bytes:,}",
                field=field.name,
            )


def _change(lacking: Difference, facts: TableFacts) -> Iterator[Finding]:
    """Findings about a change of a table that exists."""
    for name, conflict in lacking.conflicts:
        yield rules.FIELD_CONFLICT.finding(f"the table differs: {conflict}", field=name)
    if facts.is_empty:
        return
    for field in lacking.fields:
        if field.type.is_serial:
            yield rules.FIELD_REWRITE.finding("numbering the rows rewrites the table", field=field.name)
        elif field.default and is_volatile(field.default) and not field.nullable:
            yield rules.FIELD_REWRITE.finding(
                "a value of its own for each row rewrites the table", field=field.name
            )
        elif field.default is None and not field.nullable:
            yield rules.FIELD_NOT_NULL.finding("the rows that are there would have no value", field=field.name)
        if field.type.known.family is Family.OTHER:
            yield rules.FIELD_REWRITE.finding(
                f"{field.type} may be a domain with a check, which rewrites the table", field=field.name
            )
    keys = [*lacking.uniques, *lacking.indexes, *lacking.checks, *lacking.references]
    if keys:
        yield rules.KEY_ON_FILLED_TABLE.finding(f"adding {len(keys)} to the rows that are there blocks writers")
