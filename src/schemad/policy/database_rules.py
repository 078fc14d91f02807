"""Rules that only the database tells: at submit, before a request is in the queue, and when people decide on it.

Their checks and messages are in sql/functions; they are listed here so that every rule stands in one list.
"""

from schemad.request.finding import Rule, Severity

REQUEST_REQUESTER_MISSING = Rule(
    "request.requester_missing",
    Severity.REFUSE,
    "Whether requester_user_id says who asks, in at most 255 characters.",
    "Name who asks, in your application's own terms, such as 'user123'.",
)
REQUEST_OUTCOME_SET = Rule(
    "request.outcome_set",
    Severity.REFUSE,
    "Columns of the outcome in an INSERT: whoever asks can't decide.",
    "Give requester_user_id, schema_name, request_payload and, if you like, idempotency_key.",
)
REQUEST_KEY_REUSED = Rule(
    "request.key_reused",
    Severity.REFUSE,
    "Whether an idempotency_key that comes again comes with the same request.",
    "Take a new key for a new request.",
)
REQUEST_KEY_TOO_LONG = Rule(
    "request.key_too_long",
    Severity.REFUSE,
    "The length of an idempotency_key: 255 characters at most.",
    "Take something shorter, such as a UUID.",
)
REQUEST_TEXT = Rule(
    "request.control_character",
    Severity.REFUSE,
    "Control, bidirectional-format and invisible characters, line breaks and tabs among them, in "
    "requester_user_id and idempotency_key, which would mislead who reads them.",
    "Text that can be seen, in one line.",
)
PAYLOAD_TOO_LARGE = Rule(
    "payload.too_large",
    Severity.REFUSE,
    "The size of the payload, against the policy's max_payload_bytes.",
    "Ask for less at once.",
)
LIMIT_REQUESTS_PER_MINUTE = Rule(
    "limit.requests_per_minute",
    Severity.REFUSE,
    "Requests of a database role, or of a login through several, within a minute, against the policy's "
    "requests_per_minute.",
    "Come back when the error says.",
)
LIMIT_REQUESTS_PER_MINUTE_AND_USER = Rule(
    "limit.requests_per_minute_and_user",
    Severity.REFUSE,
    "Requests of one requester_user_id within a minute, against requests_per_minute_and_user.",
    "Come back when the error says.",
)
LIMIT_PENDING_REQUESTS = Rule(
    "limit.pending_requests",
    Severity.REFUSE,
    "Pending requests of a database role, or of a login through several, against the policy's pending_requests.",
    "Come back when some are decided, or withdraw some with schemad.cancel_request().",
)
LIMIT_RETRIES = Rule(
    "limit.retries",
    Severity.REFUSE,
    "Retries of one request by its requester: one a minute, where the policy has requests_per_minute.",
    "Come back when the error says.",
)
REVIEW_FOUR_EYES = Rule(
    "review.four_eyes",
    Severity.REFUSE,
    "Whether somebody else approves than asked.",
    "Have another reviewer approve it, or set the policy's allow_self_approval.",
)
REVIEW_PLAN_CHANGED = Rule(
    "review.plan_changed",
    Severity.REFUSE,
    "Whether the plan and the rules of the findings are those that the reviewer saw, where the approval has their "
    "digest.",
    "Read plan_sql and the findings again, and approve with the new plan_digest.",
)
APPLY_FAILED = Rule(
    "apply.failed",
    Severity.REVIEW,
    "What PostgreSQL said when the plan ran: its message and SQLSTATE.",
    "Mend what it names, then schemad.retry_request(id).",
)
