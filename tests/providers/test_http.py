"""What all providers over HTTP share: closing in time, and what errors may say."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from providers import _http
from providers._errors import Rejected, from_body, retry_after, scrubbed, translate
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
