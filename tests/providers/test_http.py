"""What all providers over HTTP share: closing in time, and what errors may say."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from assistant.ports import ProviderError
from providers import _http, _remote, openai_compatible
from providers._errors import Rejected, answered, from_body, retry_after, scrubbed, translate
from providers._options import Timeouts


@pytest.mark.anyio
async def test_a_connection_that_does_not_close_in_time_is_shut_down() -> None:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    stream = SimpleNamespace(get_extra_info=lambda name: ours)
    response: Any = SimpleNamespace(aclose=anyio.sleep_forever, extensions={"network_stream": stream})
    with ours, theirs:
        with anyio.fail_after(5), anyio.CancelScope() as reply:
            reply.cancel()  # closing happens while everything around it is being cancelled
            await _http.close(response)
        with anyio.fail_after(5):
            await anyio.wait_readable(theirs)
        assert theirs.recv(1) == b"", "the other side was hung up on"


@pytest.mark.anyio
async def test_a_connection_that_closes_in_time_is_left_alone() -> None:
    closed = []

    async def aclose() -> None:
        await anyio.sleep(0.001)
        closed.append(True)

    with anyio.CancelScope() as reply:
        reply.cancel()
        await _http.close(SimpleNamespace(aclose=aclose, extensions={}))
    assert closed


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00"}, 0.0),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: sk-proj-abcdef123456.",
        "bad header Authorization: Bearer abcdef123456",
        "no such token abcdef123456",
    ],
)
def test_nothing_like_a_key_is_told(text: str) -> None:
    assert "abcdef123456" not in scrubbed(text, ("abcdef123456",) if "token" in text else ())


def test_a_long_error_is_one_short_line() -> None:
    told = scrubbed("a\nb\t" + "x" * 1000)
    assert told.startswith("a b xxx") and len(told) == 160


@pytest.mark.parametrize(
    ("body", "lasting", "says"),
    [
        ({"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}, True, "exceeded your quota"),
        ({"error": {"message": "Overloaded", "type": "overloaded_error"}}, False, "Overloaded"),
        ({"error": {"message": "key sk-abcdef99 is bad", "code": 401}}, True, "vendor sent an error (401)"),
        ({"error": "out of memory"}, False, "out of memory"),
        ("plain words", False, "plain words"),
        (None, False, "vendor sent an error"),
        ([1, 2], False, "vendor sent an error"),
    ],
)
def test_errors_inside_a_success(body: object, lasting: bool, says: str) -> None:
    error = from_body(body, "vendor")
    assert isinstance(error, Rejected) == lasting
    assert says in str(error)
    assert "abcdef99" not in str(error)


def test_an_exhausted_quota_lasts_although_it_is_a_429() -> None:
    failure: Any = Exception("x")
    failure.status_code, failure.body = 429, {"error": {"code": "insufficient_quota", "message": "Pay."}}
    failure.response = SimpleNamespace(headers={})
    error = translate(failure, "vendor", Timeouts())
    assert isinstance(error, Rejected)
    assert str(error) == "vendor is asked too often (429): Pay."


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (503, {"error": {"code": 503, "message": "Loading model"}}, "vendor is still loading its model (503)"),
        (503, {"error": "the model is loading, try later"}, "vendor is still loading its model (503)"),
        (503, {"error": {"message": "No slot free"}}, "vendor is not available (503): No slot free"),
        (404, {"detail": "Not Found"}, "vendor does not know this model or address (404): Not Found"),
        (
            422,
            {"detail": [{"loc": ["body"], "msg": "no such voice"}]},
            "vendor called the request invalid (422): no such voice",
        ),
        (400, {"detail": {"message": "no"}}, "vendor called the request invalid (400): no"),
        (400, {"detail": []}, "vendor called the request invalid (400)"),
        (418, None, "vendor answered with an error (418)"),
        (502, "<html>\nbad gateway</html>", "vendor answered with an error (502): <html> bad gateway</html>"),
    ],
)
def test_what_an_answer_with_a_status_says(status: int, body: object, says: str) -> None:
    """Wherever the server keeps its own words."""
    assert str(answered(status, body, {}, "vendor")) == says


def _unverified(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    return error


def _wrong_version() -> ssl.SSLError:
    error = ssl.SSLError(1, "wrong version number")
    error.reason = "WRONG_VERSION_NUMBER"
    return error


@pytest.mark.parametrize(
    ("cause", "says"),
    [
        (ConnectionRefusedError(111, "refused"), "nothing listens there (connection refused)"),
        (socket.gaierror(-2, "unknown"), "its name cannot be resolved"),
        (_unverified(10), "its certificate has expired"),
        (_unverified(62), "its certificate is for another name"),
        (_unverified(64), "its certificate is for another name"),
        (_unverified(18), "its certificate is not trusted"),
        (_wrong_version(), "it does not speak TLS (an address with http:// may do)"),
    ],
    ids=str,
)
def test_why_it_cannot_be_reached(cause: Exception, says: str) -> None:
    class ConnectError(Exception):
        pass

    error = ConnectError("connection failed")
    error.__cause__ = cause
    assert str(translate(error, "vendor", Timeouts())) == f"vendor cannot be reached: {says}"


@pytest.mark.anyio
async def test_https_to_a_server_without_it_says_so() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)  # of a handshake, which is no request to it
        writer.write(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        options = {"base_url": f"https://127.0.0.1:{port}", "model": "m"}
        async with openai_compatible.chat_model(options) as model:
            with pytest.raises(ProviderError, match="it does not speak TLS"):
                [delta async for delta in model.reply(_http.GREETING)]


@pytest.mark.anyio
async def test_opening_that_fails_leaves_no_connection_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when an SDK has changed, or somebody presses Ctrl+C while it is being loaded."""
    met, left, rehearsing = anyio.Event(), anyio.Event(), threading.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
        met.set()
        await reader.read()  # until the other side hangs up
        left.set()
        writer.close()

    def broken(*_: object) -> None:
        rehearsing.wait(5)
        raise RuntimeError("an SDK that nobody knows")

    monkeypatch.setattr(_http, "rehearse", broken)
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        options = {"base_url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "model": "m"}

        async def go_on() -> None:
            await met.wait()
            await anyio.sleep(0.05)  # its answer is read, and the connection kept
            rehearsing.set()

        with pytest.raises(RuntimeError, match="nobody knows"), anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(go_on)
                try:
                    async with openai_compatible.chat_model(options):
                        pass
                except RuntimeError as error:
                    failure = error
            raise failure
        with anyio.fail_after(1):
            await left.wait()


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({"ONE": "a"}, "a"),
        ({"TWO": "b"}, "b"),
        ({"ONE": "a", "TWO": "b"}, "a"),
        ({"ONE": "", "TWO": " b\n"}, "b"),
    ],
)
def test_which_variable_holds_the_key(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], found: str) -> None:
    for name in ("ONE", "TWO"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert _remote.key(_remote.Options(), "ONE", "vendor", "TWO") == found
