"""A request that waits, as it was read from the queue."""

from dataclasses import dataclass

from schemad.policy import TableFacts


@dataclass(frozen=True, slots=True)
class QueuedRequest:
    """A request that waits, as it was read from the queue.

    Attributes:
        id: `schema_requests.id`.
        requester_user_id: Who asks, in the application's own terms.
        requested_by: Database role that asks.
        schema_name: The name of the table, as given.
        payload: The payload, as JSON text.
        attempts: How often it was tried before.
        decided_by: Who approved it; None: nobody yet.
        decision_reason: Why they did.
        approved_sql: The plan that they approved.
        seen_rules: Ids of the rules that its findings were by when it was last assessed.
        facts: What the database holds under the name.
        policy_version: The policy's version when it was read.
        was_put_off: Whether it was put off, so that later ones of its role for its table waited for it.
        submitted: When it was submitted, on the clock of time.monotonic().
    """

    id: int
    requester_user_id: str
    requested_by: str
    schema_name: str
    payload: str
    attempts: int
    decided_by: str | None
    decision_reason: str | None
    approved_sql: str | None
    seen_rules: list[str]
    facts: TableFacts
    policy_version: int
    was_put_off: bool
    submitted: float

    @property
    def waits_since(self) -> float | None:
        """Since when it waits for a daemon, on the clock of time.monotonic(); None: it was looked at before.

        The age of one that waited for a person says nothing of how long a daemon takes.
        """
        return None if self.decided_by is not None or self.seen_rules else self.submitted
