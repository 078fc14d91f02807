"""The journal: tells each decision once, and of what goes on and on only that it began and that it is over.

A request that can't be recorded is tried every second, and in an outage hundreds are put off again and again: the
log stays readable, and its disk free.
"""

from typing import Any

from schemad.observe.logs import Log
from schemad.observe.telemetry import Telemetry
from schemad.store import DecidedRequest, Outcome, QueuedRequest, Result
from schemad.store.connect import in_few_words
from schemad.store.decided import POLICY_DECIDER

# SQLSTATEs of the server as a whole, as sql/functions/is_outage.sql has them.
OUTAGE_CLASSES = ("53", "58")
CONFIGURED_LIMIT = "53400"


class Journal:
    """Tells what becomes of requests. It lives as long as the worker, whatever becomes of its links.

    Args:
        log: Where it is told.
        telemetry: Where it is counted, told or not.
    """

    def __init__(self, log: Log, telemetry: Telemetry) -> None:
        self._log = log
        self.telemetry = telemetry
        # What was last told of requests that stay in the queue, by id.
        self._stuck: dict[int, str] = {}
        self._policy_version: int | None = None
        self._outage: str | None = None

    def policy_loaded(self, version: int) -> None:
        """The policy was read."""
        self.telemetry.policy_version = version
        if version != self._policy_version:
            self._policy_version = version
            self._log.info("policy.loaded", version=version)

    def undecided(self, request: QueuedRequest, error: Exception) -> None:
        """A defect kept a request from a decision."""
        self.telemetry.answered("undecided", None, None)
        if self._is_news(request.id, repr(error)):
            self._log.error("request.undecided", request_id=request.id, table=request.schema_name, exc_info=error)

    def batch_broken(self, requests: int, error: Exception) -> None:
        """A batch broke off as a whole, and its requests are applied one by one."""
        code = getattr(error, "sqlstate", None)
        # Where a defect is schemad's own, it matters where.
        where: dict[str, Any] = {} if code else {"exc_info": error}
        self._log.warning("batch.broken", requests=requests, sqlstate=code, error=in_few_words(error), **where)

    def settled(self, decided: DecidedRequest, outcome: Outcome) -> None:
        """What became of a decision: one line."""
        request = decided.request
        self.telemetry.answered(outcome.result.value, outcome.error_code, request.waits_since)
        log = self._log.bind(request_id=request.id, table=request.schema_name, requester=request.requester_user_id)
        failure = {"sqlstate": outcome.error_code, "error": outcome.error_message}
        # Each rule once, however many fields it found.
        findings = list(dict.fromkeys(f.rule.id for f in decided.decision.findings))
        match outcome.result:
            case Result.APPLIED:
                plan = decided.decision.plan
                operation = plan.operation.value if plan else None
                decided_by = request.decided_by or POLICY_DECIDER
                log.info("request.applied", operation=operation, decided_by=decided_by, findings=findings)
                self._outage_is_over()
            case Result.HELD:
                log.info("request.held", findings=findings)
            case Result.FAILED:
                log.warning("request.failed", **failure)
            case Result.UNRECORDED:
                is_news = self._is_news(request.id, f"{outcome.error_code} {outcome.error_message}")
                say = log.error if is_news else log.debug
                say("request.unrecorded", **failure)
            case Result.RETRY if _is_outage(outcome.error_code):
                self._outage_goes_on(outcome)
                log.debug("request.put_off", **failure)
            case Result.RETRY:
                log.info("request.put_off", **failure)
            case Result.STALE | Result.TAKEN:
                log.debug("request.left", why=outcome.result.value)
        if outcome.result in {Result.APPLIED, Result.HELD, Result.FAILED}:
            self._stuck.pop(request.id, None)

    def _is_news(self, request_id: int, told: str) -> bool:
        is_news = self._stuck.get(request_id) != told
        self._stuck[request_id] = told
        return is_news

    def _outage_goes_on(self, outcome: Outcome) -> None:
        if self._outage != outcome.error_code:
            self._outage = outcome.error_code
            self._log.warning("queue.stalled", sqlstate=outcome.error_code, error=outcome.error_message)

    def _outage_is_over(self) -> None:
        if self._outage is not None:
            self._log.info("queue.moves_again", sqlstate=self._outage)
            self._outage = None


def _is_outage(code: str | None) -> bool:
    return code is not None and code.startswith(OUTAGE_CLASSES) and code != CONFIGURED_LIMIT
