"""A setting that can't be read is told by its variable, in words for whoever sets it."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from schemad.settings import Settings, SettingsFileError, problems

WRONG = {
    "SCHEMAD_LISTEN": ("perhaps", "it is neither true nor false"),
    "SCHEMAD_BATCH_SIZE": ("0", "it has to be 1 or more"),
    "SCHEMAD_APPLIERS": ("two", "it is not a whole number"),
    "SCHEMAD_POLL_INTERVAL": ("soon", "it is not a number"),
    "SCHEMAD_PROBE_TIMEOUT": ("0", "it has to be more than 0"),
    "SCHEMAD_LOCK_TIMEOUT": ("61", "it may be 60 at most"),
    "SCHEMAD_LOG_FORMAT": ("xml", "it is not 'auto', 'json' or 'console'"),
    "SCHEMAD_METRICS_ADDR": (
        "99999",
        "port 99999 is over 65535: write 127.0.0.1:9187, [::1]:9187, or 9187 for 127.0.0.1:9187",
    ),
}


@pytest.mark.parametrize("variable", WRONG)
def test_a_value_that_can_not_be_used_is_told_in_plain_words(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    value, why = WRONG[variable]
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValidationError) as refused:
        Settings.load()
    assert problems(refused.value) == [f"{variable}={value}: {why}"]


UNUSABLE = [
    *(("SCHEMAD_BATCH_SIZE", value) for value in ("nan", "inf", "1.5", "", " ", "9" * 5000)),
    *(("SCHEMAD_POLL_INTERVAL", value) for value in ("nan", "inf", "-inf", "1e999", "", " ")),
    *(("SCHEMAD_LISTEN", value) for value in ("nan", "2", "", " ")),
]


@pytest.mark.parametrize(("variable", "value"), UNUSABLE)
def test_no_value_is_told_in_words_for_programmers(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValidationError) as refused:
        Settings.load()
    (told,) = problems(refused.value)
    assert told.startswith(f"{variable}={value}: it ")


ONE, OTHER = "SCHEMAD_ENABLE_AUTO_CREATE", "ENABLE_SCHEMA_AUTO_CREATE"


@pytest.mark.parametrize(
    ("environment", "file", "told"),
    [
        ({}, {ONE: "maybe"}, ONE),
        ({}, {OTHER: "maybe"}, OTHER),
        ({}, {ONE: "maybe", OTHER: "false"}, ONE),
        ({OTHER: "maybe"}, {ONE: "false"}, OTHER),
        ({ONE: "maybe"}, {OTHER: "false"}, ONE),
        ({ONE.lower(): "maybe"}, {}, ONE),
    ],
)
def test_of_two_names_that_one_is_told_which_was_given(
    environment: dict[str, str],
    file: dict[str, str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in (ONE, OTHER):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "settings"
    path.write_text("".join(f"{name}={value}\n" for name, value in file.items()), encoding="utf-8")
    monkeypatch.setenv("SCHEMAD_ENV_FILE", str(path))
    with pytest.raises(ValidationError) as refused:
        Settings.load()
    assert problems(refused.value) == [f"{told}=maybe: it is neither true nor false"]


def test_a_pipe_is_no_file_of_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = tmp_path / "settings"
    os.mkfifo(pipe)
    monkeypatch.setenv("SCHEMAD_ENV_FILE", str(pipe))
    with pytest.raises(SettingsFileError, match="a pipe can be read only once; name a file"):
        Settings.load()


def test_an_empty_dsn_is_none_wherever_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SCHEMAD_DSN", "SCHEMAD_LISTEN_DSN"):
        monkeypatch.setenv(name, "")
    for settings in (Settings.load(), Settings.load("")):
        assert (settings.dsn, settings.listen_dsn, settings.dsn_was_given) == (None, None, False)
    monkeypatch.setenv("SCHEMAD_PASSWORD", "secret")
    assert (Settings.load().dsn, Settings.load().dsn_was_given) == ("postgresql://?password=secret", False)
    assert Settings.load("postgresql://").dsn_was_given
