"""`schemad plan`: what a request would come to, from whatever it is read, without a database."""

import json
from pathlib import Path

import pytest

from tests.cli.program import (
    EXIT_BAD_INPUT,
    EXIT_REVIEW,
    FOR_REVIEW,
    LOW_RISK,
    SPEC_PAYLOAD,
    UNAPPROVABLE,
    request_file,
    schemad,
)

# Nobody listens there: a plan that needed a database would fail.
NOWHERE = "postgresql://127.0.0.1:1/nowhere"


@pytest.mark.parametrize(
    ("payload", "code", "verdict", "words"),
    [
        (SPEC_PAYLOAD, 0, "auto", ["would be created by itself", 'CREATE TABLE "public"."thing"']),
        (
            FOR_REVIEW,
            EXIT_REVIEW,
            "review",
            ["would wait for review", "[expression.function_not_allowed]", "CHECK (repeat(a, 2) <> '')"],
        ),
        (UNAPPROVABLE, EXIT_BAD_INPUT, "review", ["nobody could approve it", "[default.does_not_fit]"]),
        ({"fields": []}, EXIT_BAD_INPUT, "review", ["nobody could approve it", "[payload.no_fields]"]),
    ],
)
def test_the_exit_code_tells_what_would_become_of_a_request(
    tmp_path: Path, payload: object, code: int, verdict: str, words: list[str]
) -> None:
    file = request_file(tmp_path, "thing", payload)
    run = schemad("plan", file, dsn=NOWHERE)
    assert (run.code, run.err) == (code, "")
    for word in words:
        assert word in run.out
    as_json = schemad("plan", file, "--json", dsn=NOWHERE)
    assert as_json.code == code
    assert as_json.json["verdict"] == verdict
    assert set(as_json.json) == {"verdict", "findings", "plan_sql"}


def test_a_request_comes_from_a_file_or_standard_input_whole_or_as_a_payload_with_a_name(tmp_path: Path) -> None:
    whole = json.dumps({"requester_user_id": "u", "schema_name": "thing", "request_payload": LOW_RISK})
    payload = json.dumps(LOW_RISK)
    files = {name: tmp_path / name for name in ("whole", "payload", "marked")}
    files["whole"].write_text(whole)
    files["payload"].write_text(payload)
    files["marked"].write_text(whole, encoding="utf-8-sig")
    runs = [
        schemad("plan", files["whole"]),
        schemad("plan", files["payload"], "--name", "thing"),
        schemad("plan", files["marked"]),
        schemad("plan", "-", stdin=whole),
        schemad("plan", "-", "--name", "thing", stdin=payload),
    ]
    assert runs[0].code == 0
    assert all(run == runs[0] for run in runs)
    assert '"public"."other"' in schemad("plan", files["whole"], "--name", "other").out


def test_numbers_of_a_whole_request_keep_their_digits() -> None:
    run = schemad(
        "plan",
        "-",
        stdin=r"""
        {"a\"}": [{}], "request_payload" :{"fields": []},"schema_name" : "thing",
         "request_payload" : {"fields": [{"name": "a", "type": "numeric", "default": 0.12345678901234567890}]} ,
         "z": 1 }
        """,
    )
    assert run.code == 0
    assert "DEFAULT '0.12345678901234567890'" in run.out


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"fields: name", ["is not JSON"]),
        (b"\xff\xfe\x00", ["is not UTF-8"]),
        (b"[" * 200_000, ["nested too deeply"]),
        (json.dumps(LOW_RISK).encode(), ["names no table", "--name"]),
        (b'{"schema_name": "t", "request_payload": {"a": [NaN]}}', ["is not JSON", "NaN", "null"]),
        (b'{"schema_name": "t", "request_payload": -Infinity}', ["is not JSON", "-Infinity", "null"]),
        (b'{"schema_name": "t", "request_payload": {"a": [1, {"b": "c\\u0000"}]}}', ["U+0000", "leave it out"]),
        (b'{"schema_name": "t", "request_payload": {"a\\u0000": 1}}', ["U+0000", "leave it out"]),
        (b'{"schema_name": "t", "request_payload": ["\\ud800"]}', ["U+D800", "leave it out"]),
        (b'{"schema_name": 7, "request_payload": {}}', ["schema_name", "--name"]),
        (b'{"schema_name": "t", "requester_user_id": 7, "request_payload": {}}', ["requester_user_id"]),
    ],
)
def test_what_is_no_request_is_told_so_with_where_it_came_from(content: bytes, words: list[str]) -> None:
    # Of a database nothing is needed for that.
    for run in (schemad("plan", "-", stdin=content), schemad("submit", "-", stdin=content, dsn=NOWHERE)):
        assert (run.code, run.out) == (EXIT_BAD_INPUT, "")
        for word in ["standard input", *words]:
            assert word in run.err


def test_a_number_of_more_digits_than_can_be_read_is_a_matter_of_its_field() -> None:
    payload = f'{{"fields": [{{"name": "a", "type": "numeric", "default": {"9" * 5_000}}}]}}'
    run = schemad("plan", "-", "--name", "t", stdin=payload)
    assert run.code == EXIT_BAD_INPUT
    assert "a number in it has more than 4,300 digits [payload.unreadable]" in run.out
    assert schemad("plan", "-", stdin=f'{{"schema_name": "t", "request_payload": {payload}}}') == run


def test_a_file_that_can_t_be_read_is_named(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "missing.json", "No such file"), (tmp_path, "directory")):
        run = schemad("plan", path)
        assert (run.code, run.out) == (EXIT_BAD_INPUT, "")
        assert str(path) in run.err
        assert why in run.err
