"""The policy: what counts as low-risk. It lives in the database; its defaults are the ones installed there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemad.request.types import KNOWN_TYPES


@dataclass(frozen=True, slots=True)
class Policy:
    """The row of `schemad.policy`, with safe_types and protected_tables.

    Attributes:
        version: Counts its changes; a decision is applied only under the policy that it was made by.
        table_schema: Database schema in which tables are created.
        owner_role: Owner of created tables; None: the role that the daemon runs as.
        grant_to_requester: Privileges on a new table for the role that asked for it.
        max_fields: A request with more fields waits for review.
        max_indexes: A request with more indexes waits for review.
        auto_types: Types that need no review.
        protected_tables: Names that no request may have, folded.
    """

    version: int = 1
    table_schema: str = "public"
    owner_role: str | None = "schemad_owner"
    grant_to_requester: tuple[str, ...] = ("SELECT", "INSERT", "UPDATE", "DELETE")
    max_fields: int = 100
    max_indexes: int = 10
    auto_types: frozenset[str] = frozenset(KNOWN_TYPES)
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
            owner_role=row["owner_role"],
            grant_to_requester=tuple(row["grant_to_requester"]),
            max_fields=row["max_fields"],
            max_indexes=row["max_indexes"],
            auto_types=frozenset(row["auto_types"]),
            protected_tables=frozenset(row["protected_tables"]),
        )
