"""Health, from what the parts say: an outage is no reason for a restart, a part that is stuck is."""

import json
from dataclasses import replace

import pytest

from schemad.observe.health import ListenerState, Vitals, WorkerState, liveness, readiness

WELL = Vitals(
    listener=ListenerState.LISTENING,
    proven_seconds=3.0,
    proof_limit=30.0,
    worker=WorkerState.WAITING,
    silent_seconds=2.0,
    silence_limit=50.0,
    is_drained=True,
)


def test_a_daemon_that_is_well_is_alive_and_ready() -> None:
    assert liveness(WELL).is_fine
    assert readiness(WELL, None).is_fine
    assert json.loads(readiness(WELL, None).as_json()) == {
        "status": "ok",
        "reasons": [],
        "remarks": [],
        "listener": {"state": "listening", "proven_seconds": 3.0},
        "worker": {"state": "waiting", "silent_seconds": 2.0, "drained": True},
        "stopping": False,
    }


@pytest.mark.parametrize("state", [WorkerState.WAITING, WorkerState.DRAINING])
def test_a_worker_that_is_connected_and_got_no_answer_beyond_its_time_limits_is_stuck(state: WorkerState) -> None:
    stuck = replace(WELL, worker=state, silent_seconds=51.0)
    for report in (liveness(stuck), readiness(stuck, None)):
        assert report.reasons == ("the worker got no answer for 51 s, and should have given up after 50 s",)


def test_a_listener_that_listens_and_has_proven_nothing_beyond_its_time_limits_is_stuck() -> None:
    report = liveness(replace(WELL, proven_seconds=31.0))
    assert report.reasons == ("the listener has proven nothing for 31 s, and should have given up after 30 s",)


def test_in_an_outage_a_daemon_is_alive_for_as_long_as_it_lasts() -> None:
    outage = replace(
        WELL,
        listener=ListenerState.CONNECTING,
        worker=WorkerState.CONNECTING,
        proven_seconds=3600.0,
        silent_seconds=3600.0,
    )
    assert liveness(outage).is_fine
    assert readiness(outage, "refused").reasons == (
        "the listener has no connection on which notifications come through",
        "the worker has no connection",
        "the database does not answer: refused",
    )


@pytest.mark.parametrize(
    ("vitals", "reason"),
    [
        (replace(WELL, is_drained=False), "the queue was not worked off yet"),
        (replace(WELL, is_stopping=True), "it was asked to stop"),
        (
            replace(WELL, listener=ListenerState.CONNECTING),
            "the listener has no connection on which notifications come through",
        ),
    ],
)
def test_what_keeps_a_request_from_being_decided_now_is_a_reason(vitals: Vitals, reason: str) -> None:
    assert liveness(vitals).is_fine
    report = readiness(vitals, None)
    assert report.reasons == (reason,)
    assert json.loads(report.as_json())["status"] == "unavailable"


def test_polling_is_ready_and_where_it_is_not_meant_that_is_remarked() -> None:
    polling = replace(WELL, listener=ListenerState.OFF, proven_seconds=None)
    assert (readiness(polling, None).is_fine, readiness(polling, None).remarks) == (True, ())
    deaf = readiness(replace(WELL, listener=ListenerState.DEAF, proven_seconds=None), None)
    assert deaf.is_fine
    assert "see schemad doctor" in deaf.remarks[0]
