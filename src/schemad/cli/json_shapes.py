"""Shapes: what each verb prints with --json. The reference lists them, and tests hold what is printed to them."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

from schemad.ddl import Verdict
from schemad.request import Severity
from schemad.request.finding import FindingRow
from schemad.store.checks import Level
from schemad.store.requests import Status

Time = Annotated[str, "time"]


class Request(TypedDict):
    """A request: the columns of `schema_requests`, and two more."""

    id: int
    requester_user_id: str
    schema_name: str
    request_payload: Annotated[dict[str, Any], "as it was submitted"]
    status: Status
    created_at: Time
    processed_at: Time | None
    verdict: Annotated[Verdict | None, "null: not yet assessed"]
    findings: list[FindingRow]
    plan_sql: str | None
    requested_by: str
    requested_login: str
    decided_by: str | None
    decision_reason: str | None
    idempotency_key: str | None
    attempts: int
    next_attempt_at: Time | None
    last_error: str | None
    retried_at: Time | None
    message: Annotated[str, "what became of it, in a sentence"]
    plan_digest: Annotated[str | None, "of the plan, for `schemad approve --digest`"]


class Plan(TypedDict):
    """What a request would come to."""

    verdict: Annotated[Verdict, "auto: it would be created by itself"]
    findings: list[FindingRow]
    plan_sql: Annotated[str | None, "null: there is no SQL that would be right"]


class DescribedField(TypedDict):
    """A field of a table that schemad made."""

    field_name: str
    field_type: str
    is_nullable: bool
    default_value: Annotated[str | None, "as SQL"]
    description: str | None
    metadata: Annotated[dict[str, Any] | None, "as the request had it"]
    version: Annotated[int, "of the table; the same in each"]
    state: Annotated[Literal["active", "deprecated", "missing"], "of the table; the same in each"]


class PolicySettings(TypedDict):
    """The settings of the policy: the columns of `policy`. An age is as PostgreSQL has it, such as `90 days`."""

    version: int
    table_schema: str
    owner_role: str | None
    grant_to_requester: list[str]
    max_fields: int
    max_indexes: int
    max_referenced_bytes: int
    max_payload_bytes: int
    requests_per_minute: int | None
    requests_per_minute_and_user: int | None
    pending_requests: int | None
    tables_per_day: int | None
    tables_in_all: int | None
    max_attempts: int
    allow_self_approval: bool
    keep_logs: str | None
    keep_delivered: str | None
    keep_undelivered: str | None
    keep_requests: str | None
    notify: bool
    changed_at: Time
    changed_by: str


class Policy(TypedDict):
    """The policy: after a change, as it is then."""

    policy: Annotated[PolicySettings, "the settings"]
    types: Annotated[dict[str, Literal["auto", "review", "refuse"]], "by name; one that is not listed is refused"]
    protected_tables: Annotated[dict[str, str | None], "the reason, by name"]
    severities: Annotated[dict[str, Severity], "those that were changed, by rule"]


class Rule(TypedDict):
    """A rule that requests are judged by."""

    rule: Annotated[str, "its id"]
    severity: Severity
    adjustable: Annotated[bool, "whether a policy may change the severity"]
    looks_at: str
    hint: Annotated[str, "what would pass"]


class DoctorCheck(TypedDict):
    """One thing that was looked at."""

    check: Annotated[str, "what"]
    level: Level
    passed: Annotated[bool, "whether a daemon would work"]
    found: Annotated[str, "how it is"]
    mend: Annotated[str, "what mends it; empty where nothing is to be"]


class Applied(TypedDict):
    """What `schemad migrate` did."""

    applied: Annotated[list[str], "files below sql/, in order; none: it was current"]


class Pending(TypedDict):
    """What it would do."""

    pending: Annotated[list[str], "files below sql/, in order; none: it is current"]


class Pruned(TypedDict):
    """How many rows were removed, by table."""

    auto_create_log: int
    notifications: int
    schema_requests: int


class Dev(TypedDict):
    """How to reach what runs."""

    dsn: str
    postgres: Annotated[int, "its major version"]
    data_dir: str


class Figure(TypedDict):
    """What was measured, as medians over the repetitions."""

    measure: str
    what: str
    against: Annotated[str | None, "what stands beside it; null where nothing does"]
    unit: str
    better: Literal["less", "more"]
    measured: float
    floor: Annotated[float | None, "of what stands beside it"]
    ratio: float | None
    ratio_min: float | None
    ratio_max: float | None
    repetitions: int


class Bench(TypedDict):
    """Figures, and what they were measured on."""

    date: Time
    schemad: Annotated[str, "the version"]
    server: Annotated[dict[str, Any], "`embedded`, and settings of the server by name"]
    python: str
    libraries: Annotated[dict[str, str], "versions by name"]
    system: str
    processor: str
    cores: int | None
    sizes: Annotated[dict[str, Any], "how much was measured"]
    figures: list[Figure]


@dataclass(frozen=True, slots=True)
class Output:
    """What some verbs print.

    Attributes:
        verbs: Them, with the options that it takes besides --json.
        shape: A TypedDict, or a list of one.
    """

    verbs: tuple[str, ...]
    shape: Any


OUTPUTS = (
    Output(("submit", "show", "wait", "approve", "reject", "cancel", "retry"), Request),
    Output(("list",), list[Request]),
    Output(("plan",), Plan),
    Output(("describe",), list[DescribedField]),
    Output(
        (
            "policy show",
            "policy set",
            "policy protect",
            "policy unprotect",
            "policy allow-type",
            "policy disallow-type",
            "policy severity",
        ),
        Policy,
    ),
    Output(("rules",), list[Rule]),
    Output(("doctor",), list[DoctorCheck]),
    Output(("migrate",), Applied),
    Output(("migrate --check",), Pending),
    Output(("prune",), Pruned),
    Output(("dev",), Dev),
    Output(("bench",), Bench),
)
