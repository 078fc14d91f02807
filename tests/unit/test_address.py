"""Addresses to serve on: what a setting may say, and what it is told otherwise."""

import pytest
from pydantic import ValidationError

from schemad.address import Address
from schemad.settings import Settings


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:9187", "127.0.0.1", 9187),
        ("9187", "127.0.0.1", 9187),
        (":9187", "127.0.0.1", 9187),
        (" 0.0.0.0:0 ", "0.0.0.0", 0),  # noqa: S104 - read, not served on
        ("metrics.internal:80", "metrics.internal", 80),
        ("[::1]:9187", "::1", 9187),
        ("[::]:9187", "::", 9187),
        ("[fe80::1%eth0]:65535", "fe80::1%eth0", 65535),
    ],
)
def test_an_address_is_host_and_port_and_a_port_alone_is_on_loopback(text: str, host: str, port: int) -> None:
    address = Address.parse(text)
    assert address == Address(host, port)
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost",
        "localhost:",
        "::1:9187",
        "1.2.3.4:99999",
        "http://x:1",
        "x:-1",
        "x:1/",
        "x:\u0661",
        "[x]:1",
    ],
)
def test_what_is_no_address_is_told_what_would_be(text: str) -> None:
    with pytest.raises(ValueError, match=r"write 127\.0\.0\.1:9187, \[::1\]:9187, or 9187"):
        Address.parse(text)


def test_the_setting_is_read_when_the_process_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEMAD_METRICS_ADDR", "9187")
    assert Settings().metrics_address == Address("127.0.0.1", 9187)
    monkeypatch.setenv("SCHEMAD_METRICS_ADDR", "")
    assert Settings().metrics_address is None
    monkeypatch.setenv("SCHEMAD_METRICS_ADDR", "everywhere")
    with pytest.raises(ValidationError, match="'everywhere' is no address"):
        Settings()
