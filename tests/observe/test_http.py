"""The daemon's HTTP server: pages for GET and HEAD, and nothing that a stranger sends costs more than a moment."""

import asyncio
import contextlib
import gc
import socket
import struct
from collections.abc import AsyncIterator
from http import HTTPStatus

import pytest
import structlog
import uvloop

from schemad.address import Address
from schemad.observe import http
from schemad.observe.http import TEXT, AddressUnavailable, HttpServer, Request, Response
from tests.support.daemons import PATIENCE
from tests.support.http import send

LOG = structlog.get_logger("test")


async def hello(request: Request) -> Response:
    return Response(HTTPStatus.OK, TEXT, f"hello {request.headers.get('x-name', 'you')}\n".encode())


async def broken(_: Request) -> Response:
    raise ZeroDivisionError


async def endless(_: Request) -> Response:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.fixture
async def server() -> AsyncIterator[HttpServer]:
    pages = {"/hello": hello, "/broken": broken, "/endless": endless}
    started = HttpServer(Address.parse("0"), pages, LOG)
    await started.start()
    yield started
    await started.stop()


async def test_a_page_is_served_with_its_length_and_the_connection_ends(server: HttpServer) -> None:
    answer = await send(server.address, b"GET /hello?x=1 HTTP/1.1\r\nHost: x\r\nX-Name: all\r\n\r\n")
    assert answer.head.splitlines()[0] == "HTTP/1.1 200 OK"
    assert "Content-Length: 10" in answer.head
    assert "Connection: close" in answer.head
    assert answer.body == b"hello all\n"


async def test_head_has_the_same_head_and_no_body(server: HttpServer) -> None:
    got = await send(server.address, b"GET /hello HTTP/1.1\r\n\r\n")
    head = await send(server.address, b"HEAD /hello HTTP/1.1\r\n\r\n")
    assert (head.head, head.body) == (got.head, b"")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"GET /nowhere HTTP/1.1\r\n\r\n", 404),
        (b"POST /hello HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody", 405),
        (b"DELETE /hello HTTP/1.1\r\n\r\n", 405),
        (b"GET /hello\r\n\r\n", 400),
        (b"GET  HTTP/1.1\r\n\r\n", 400),
        (b"GET http://elsewhere/ HTTP/1.1\r\n\r\n", 400),
        (b"GET /hello HTTP/2.0\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET /hello HTTP/1.1\r\nX: " + b"x" * 2 * http.MOST_BYTES + b"\r\n\r\n", 431),
        (b"x" * 3 * http.MOST_BYTES, 431),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_is_no_request_for_a_page_is_told_so(server: HttpServer, sent: bytes, expected: int) -> None:
    answer = await send(server.address, sent)
    assert answer.status == expected
    assert ("Allow: GET, HEAD" in answer.head) is (expected == 405)
    assert (await send(server.address, b"GET /hello HTTP/1.1\r\n\r\n")).status == 200


async def test_a_page_that_fails_is_an_error_without_details_and_the_server_goes_on(server: HttpServer) -> None:
    with structlog.testing.capture_logs() as lines:
        answer = await send(server.address, b"GET /broken HTTP/1.1\r\n\r\n")
    assert answer.status == 500
    assert b"ZeroDivision" not in answer.body
    assert [(line["event"], line["path"]) for line in lines] == [("http.failed", "/broken")]
    assert (await send(server.address, b"GET /hello HTTP/1.1\r\n\r\n")).status == 200


async def test_a_page_that_takes_too_long_is_given_up(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "ANSWER_WITHIN", 0.05)
    assert (await send(server.address, b"GET /endless HTTP/1.1\r\n\r\n")).status == 503


async def test_who_sends_slowly_is_shown_the_door(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "REQUEST_WITHIN", 0.05)
    assert (await send(server.address, b"GET /hello HTTP/1.1\r\nX:")).status == 408


@pytest.mark.parametrize(
    "said",
    [b"", b"G", b"GET /hello HTTP/1.1\r\n\r\n"],
    ids=["nothing", "one byte", "a request, and stay"],
)
async def test_strangers_who_keep_connections_keep_nobody_out(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    for patience in ("REQUEST_WITHIN", "PATIENCE"):
        monkeypatch.setattr(http, patience, PATIENCE)  # none of them ends by itself
    host, port = server.address.host, server.address.port
    strangers = []
    try:
        for _ in range(http.MOST_CONNECTIONS + 8):
            strangers.append(await asyncio.open_connection(host, port))
            strangers[-1][1].write(said)
        for _ in range(3):
            assert (await send(server.address, b"GET /hello HTTP/1.1\r\n\r\n")).status == 200
        # The oldest had to go, and nobody waits for a time-out to find out.
        async with asyncio.timeout(PATIENCE / 2):
            with contextlib.suppress(ConnectionError):
                await strangers[0][0].read()
    finally:
        for _, writer in strangers:
            writer.transport.abort()


async def test_a_page_that_takes_its_time_keeps_nobody_from_the_others() -> None:
    entered, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def lasting(request: Request) -> Response:
        entered.release()
        await go_on.wait()
        return await hello(request)

    server = HttpServer(Address.parse("0"), {"/lasting": lasting, "/hello": hello}, LOG)
    await server.start()
    text = b"GET /lasting HTTP/1.1\r\n\r\n"
    most = http.MOST_CONNECTIONS // 3
    answers = [asyncio.create_task(send(server.address, text)) for _ in range(most)]
    try:
        async with asyncio.timeout(PATIENCE):
            for _ in answers:
                await entered.acquire()
        for _ in range(http.MOST_CONNECTIONS + 8):
            assert (await send(server.address, text)).status == 503
            assert (await send(server.address, b"GET /hello HTTP/1.1\r\n\r\n")).status == 200
        go_on.set()
        assert {answer.status for answer in await asyncio.gather(*answers)} == {200}
        assert (await send(server.address, text)).status == 200
    finally:
        go_on.set()
        await asyncio.gather(*answers, return_exceptions=True)
        await server.stop()


async def test_stopping_ends_what_is_being_served() -> None:
    entered = asyncio.Event()

    async def lasting(request: Request) -> Response:
        entered.set()
        return await endless(request)

    server = HttpServer(Address.parse(":0"), {"/lasting": lasting}, LOG)
    await server.start()
    answer = asyncio.create_task(send(server.address, b"GET /lasting HTTP/1.1\r\n\r\n"))
    await entered.wait()
    await server.stop()
    assert (await answer).status == 0
    with pytest.raises(ConnectionError):
        await asyncio.open_connection(server.address.host, server.address.port)


def test_who_resets_the_connection_before_the_answer_is_no_error() -> None:
    async def reset() -> None:
        entered, go_on = asyncio.Event(), asyncio.Event()

        async def lasting(request: Request) -> Response:
            entered.set()
            await go_on.wait()
            return await hello(request)

        told: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        server = HttpServer(Address.parse("0"), {"/lasting": lasting, "/hello": hello}, LOG)
        await server.start()
        try:
            with socket.create_connection((server.address.host, server.address.port)) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.sendall(b"GET /lasting HTTP/1.1\r\n\r\n")
                await entered.wait()
            # Answered after it, so the loop has seen that one end.
            assert (await send(server.address, b"GET /hello HTTP/1.1\r\n\r\n")).status == 200
            go_on.set()
            assert (await send(server.address, b"GET /hello HTTP/1.1\r\n\r\n")).status == 200
        finally:
            await server.stop()
        gc.collect()
        assert told == []

    # As the daemon runs: asyncio's own loop takes a write to a connection that is gone for nothing.
    uvloop.run(reset())


async def test_ipv6_is_served_where_there_is_any() -> None:
    server = HttpServer(Address.parse("[::1]:0"), {"/hello": hello}, LOG)
    try:
        await server.start()
    except AddressUnavailable as error:
        pytest.skip(str(error))
    try:
        assert str(server.address).startswith("[::1]:")
        assert (await send(server.address, b"GET /hello HTTP/1.1\r\n\r\n")).status == 200
    finally:
        await server.stop()


async def test_an_address_that_is_taken_is_told_in_words(server: HttpServer) -> None:
    second = HttpServer(server.address, {}, LOG)
    with pytest.raises(AddressUnavailable) as raised:
        await second.start()
    assert str(raised.value) == (
        f"can't serve metrics on {server.address}: another program listens there. "
        "SCHEMAD_METRICS_ADDR says where to"
    )


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid", "db..internal", f"{'a' * 64}.internal"])
async def test_an_address_that_is_not_this_machine_s_is_told_in_words(host: str) -> None:
    with pytest.raises(AddressUnavailable, match=rf"can't serve metrics on {host}:9187: {host} is no "):
        await HttpServer(Address(host, 9187), {}, LOG).start()
