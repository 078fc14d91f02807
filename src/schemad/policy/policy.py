"""The policy: what counts as low-risk. It lives in the database; its defaults are the ones installed there."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemad.request.finding import Severity
from schemad.request.types import KNOWN_TYPES, Family, KnownType


@dataclass(frozen=True, slots=True)
class Policy:
    """The row of `schemad.policy`, with safe_types and protected_tables.

    Attributes:
        version: Counts its changes; a decision is applied only under the policy that it was made by.
        table_schema: Database schema in which tables are created.
        grant_to_requester: Privileges on a new table for the role that asked for it.
        max_fields: A request with more fields waits for review.
        max_indexes: A request with more indexes waits for review.
        max_referenced_bytes: A foreign key to a larger table waits for review.
        max_attempts: After so many attempts a request counts as failed.
        auto_types: Types that need no review.
        further_types: Types beyond the built-in ones, by name.
        severities: Rules whose severity the policy changed, by id.
        protected_tables: Names that no request may have, folded.
    """

    version: int = 1
    table_schema: str = "public"
    grant_to_requester: tuple[str, ...] = ("SELECT", "INSERT", "UPDATE", "DELETE")
    max_fields: int = 100
    max_indexes: int = 10
    max_referenced_bytes: int = 100 * 2**20
    max_attempts: int = 10
    auto_types: frozenset[str] = frozenset(KNOWN_TYPES)
    further_types: Mapping[str, KnownType] = field(default_factory=dict)
    severities: Mapping[str, Severity] = field(default_factory=dict)
    protected_tables: frozenset[str] = frozenset(
        {
            "messages",
            "queries",
            "user_profiles",
            "documents",
            "schema_registry",
            "schema_requests",
        }
    )

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Policy":
        """The policy from a row of `store/queries/policy.sql`."""
        return cls(
            version=row["version"],
            table_schema=row["table_schema"],
            grant_to_requester=tuple(row["grant_to_requester"]),
            max_fields=row["max_fields"],
            max_indexes=row["max_indexes"],
            max_referenced_bytes=row["max_referenced_bytes"],
            max_attempts=row["max_attempts"],
            auto_types=frozenset(row["auto_types"]),
            further_types={
                name: KnownType(name, Family.OTHER, catalog_name=sql_name, sql_name=sql_name)
                for name, sql_name in json.loads(row["further_types"]).items()
            },
            severities={rule: Severity(s) for rule, s in json.loads(row["severities"]).items()},
            protected_tables=frozenset(row["protected_tables"]),
        )
