"""The events: every line of the daemon's log by name, with its level and fields; the reference page is made of it.

Nothing imports it while a daemon runs. Tests hold each line that is logged to it.
"""

from dataclasses import dataclass

# Fields of every line about a request.
OF_REQUEST = ("request_id", "table", "requester")


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
        name: As it is logged.
        levels: Its level; where there are two, the second one is that of repetitions.
        when: What has happened.
        fields: Further fields, beside those of OF_REQUEST where the name begins with `request.`.
    """

    name: str
    levels: tuple[str, ...]
    when: str
    fields: tuple[str, ...] = ()


def _event(name: str, levels: str, when: str, fields: str = "") -> Event:
    return Event(name, tuple(levels.split()), when, tuple(fields.split()))


EVENTS = (
    _event("http.serving", "info", "metrics and health are served there", "address pages"),
    _event("http.unavailable", "error", "after a reload they can't be served where they are to be", "error"),
    _event(
        "http.failed",
        "error",
        "a page could not be made: a defect of schemad's; the daemon goes on",
        "path exc_info",
    ),
    _event("tracing.unavailable", "error", "after a reload spans are wanted and can't be made", "error"),
    _event("tracing.unsent", "warning", "at its end it tried to send the last spans for so many seconds", "limit"),
    _event(
        "database.lost",
        "warning debug",
        "under a service manager: the database could not be reached at the start, and is waited for",
        "error",
    ),
    _event("database.connected", "info debug", "under a service manager: the database was reached at the start"),
    _event(
        "daemon.part_left",
        "warning",
        "a part did not end within so many seconds, and is left to itself",
        "part limit",
    ),
    _event("daemon.started", "info", "the database was reached and its schema is the right one", "version"),
    _event("listener.connected", "info debug", "notifications come through: a probe was heard", "channel"),
    _event("listener.off", "info", "it does not listen: requests are found by polling", "poll_interval"),
    _event(
        "listener.deaf",
        "warning",
        "LISTEN was taken and no notification comes, as behind a pooler: requests are found by polling",
        "advice poll_interval",
    ),
    _event(
        "worker.connected", "info debug", "the worker has its connections and worked the queue off", "auto_create"
    ),
    _event(
        "daemon.ready",
        "info",
        "it is known whether notifications come through, if they are to; and the queue is worked off",
        "listener",
    ),
    _event("policy.loaded", "info", "the policy was read, for the first time or after a change", "version"),
    _event("request.applied", "info", "it was done and recorded", "operation decided_by findings"),
    _event("request.held", "info", "it waits for a person", "findings"),
    _event("request.failed", "warning", "PostgreSQL refused its plan", "sqlstate error"),
    _event("request.put_off", "info debug", "an error that passes; it is tried again", "sqlstate error"),
    _event(
        "request.unrecorded",
        "error debug",
        "not even its failure can be recorded; it stays in the queue, and is tried again",
        "sqlstate error",
    ),
    _event(
        "request.undecided",
        "error",
        "a defect of schemad's kept it from a decision; it stays in the queue, and the others go on",
        "exc_info",
    ),
    _event(
        "request.left",
        "debug",
        "another daemon has it, or the policy or the table changed since it was planned",
        "why",
    ),
    _event(
        "batch.broken",
        "warning",
        "a batch broke off as a whole, and its requests are applied one by one",
        "requests sqlstate error exc_info",
    ),
    _event(
        "queue.stalled",
        "warning",
        "the server can do nothing just now, as with a full disk; what that puts off counts against no request",
        "sqlstate error",
    ),
    _event("queue.moves_again", "info", "that is over", "sqlstate"),
    _event(
        "queue.found_by_poll",
        "warning",
        "requests were found by polling though notifications are on: theirs was lost",
        "requests",
    ),
    _event(
        "queue.pruned",
        "info",
        "so many old rows of each were removed, as [the policy says](../how-to/prune-old-rows.md)",
        "auto_create_log notifications schema_requests",
    ),
    _event(
        "queue.unpruned", "warning", "old rows could not be removed; it is tried again at the next turn", "error"
    ),
    _event(
        "listener.lost", "warning debug", "the link failed; further failures of the same outage are debug", "error"
    ),
    _event("worker.lost", "warning debug", "the same, for the worker", "error"),
    _event(
        "link.late_error",
        "debug",
        "an attempt to connect that was given up before has failed by now, such as the look-up of a name",
        "error",
    ),
    _event("settings.reloaded", "info", "SIGHUP: the settings were read anew, and these have changed", "changed"),
    _event(
        "settings.unknown",
        "warning",
        "a variable looks like a setting and is none; `nearest` is what may be meant",
        "variable nearest",
    ),
    _event("settings.refused", "error", "SIGHUP: the settings can't be used; those before stay in use", "error"),
    _event(
        "daemon.part_failed",
        "error",
        "a part ended with what is no failure of its link; it is started again",
        "part failures restart_in error exc_info",
    ),
    _event("daemon.gave_up", "error", "a part kept failing; the daemon ends", "part failures error exc_info"),
    _event(
        "watchdog.unfed",
        "error",
        "a part has shown no sign for longer than it may take, in seconds: systemd will end the daemon",
        "part silent allowed",
    ),
    _event("service_manager.deaf", "warning", "the service manager could not be told something", "socket error"),
    _event("daemon.stopping", "info", "it was asked to stop, and finishes any batch in hand", "reason deadline"),
    _event("daemon.stopping_at_once", "warning", "it was asked a second time, and finishes nothing", "reason"),
    _event("daemon.deadline_passed", "warning", "the batch was not done in time, and is rolled back", "deadline"),
    _event("daemon.stopped", "info", "the last line"),
)
