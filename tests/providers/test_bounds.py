"""Nothing that a server sends piles up without a limit, however it is cut into packets."""

from __future__ import annotations

import gzip
import tracemalloc

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import _http
from providers._bounds import LARGEST, Counter
from providers._errors import Unreadable, translate
from providers._options import Timeouts
from tests.servers.wire import BIG, Reply, Request, Server

BLANK = st.sampled_from([b"\n\n", b"\r\n\r\n", b"\r\r"])


def fed(counter: Counter, data: bytes, sizes: list[int]) -> None:
    at = index = 0
    while at < len(data):
        size = sizes[index % len(sizes)]
        counter.feed(data[at : at + size])
        at, index = at + size, index + 1


@given(BLANK, st.lists(st.integers(1, 40), min_size=1), st.integers(1, 50))
def test_any_number_of_events_may_come(blank: bytes, sizes: list[int], events: int) -> None:
    fed(Counter(events=True, largest=150), (b"data: " + b"x" * 90 + blank) * events, sizes)


@given(BLANK, st.lists(st.integers(1, 40), min_size=1), st.integers(0, 5))
def test_an_event_that_does_not_end_is_too_much(blank: bytes, sizes: list[int], before: int) -> None:
    data = (b"data: " + b"x" * 90 + blank) * before + b"data: line\n" * 20
    with pytest.raises(Unreadable, match="sent one event of more than 0 MB"):
        fed(Counter(events=True, largest=150), data, sizes)


@given(st.lists(st.integers(1, 40), min_size=1))
def test_an_answer_that_is_no_stream_is_counted_whole(sizes: list[int]) -> None:
    fed(Counter(events=False, largest=200), b"{}\n\n" * 50, sizes)
    with pytest.raises(Unreadable, match="sent an answer of more than"):
        fed(Counter(events=False, largest=199), b"{}\n\n" * 50, sizes)


class Answering(Server):
    """One reply to everything."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self._reply = reply

    def reply(self, request: Request) -> Reply:
        return self._reply


async def read(reply: Reply) -> tuple[int, int]:
    """Read all of it. Returns its bytes, and the most that was in memory for it."""
    async with Answering(reply) as server, _http.client(Timeouts()) as client:
        tracemalloc.start()
        try:
            async with client.stream("POST", server.url) as response:
                size = sum([len(piece) async for piece in response.aiter_bytes()])
        finally:
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    return size, most


BLOCKS = [b"x" * (1 << 16)] * (BIG >> 16)


@pytest.mark.anyio
async def test_an_answer_of_50_mb_is_given_up_early() -> None:
    tracemalloc.start()
    try:
        async with Answering(Reply(BLOCKS, "application/json")) as server, _http.client(Timeouts()) as client:
            with pytest.raises(Unreadable, match="sent an answer of more than 4 MB"):
                await client.post(server.url)
            assert server.sent < 3 * LARGEST, "most of it was never read"
        assert tracemalloc.get_traced_memory()[1] < 5 * LARGEST
    finally:
        tracemalloc.stop()


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["audio/pcm", "audio/wav", "application/octet-stream"])
async def test_sound_has_no_end_and_needs_no_memory(kind: str) -> None:
    size, most = await read(Reply(BLOCKS, kind))
    assert size == BIG
    assert most < LARGEST


@pytest.mark.anyio
async def test_a_compressed_answer_is_refused() -> None:
    """A few bytes of it may be any number. It was asked for none."""
    bomb = Reply([gzip.compress(b"x" * (8 << 20))], "application/json", headers={"content-encoding": "gzip"})
    told = r"sent a compressed answer \(gzip\), which was not asked for"
    async with Answering(bomb) as server, _http.client(Timeouts()) as client:
        with pytest.raises(Unreadable, match=told) as raised:
            await client.post(server.url)
    assert server.requests[0].headers["accept-encoding"] == "identity"
    assert (
        str(translate(raised.value, "vendor", Timeouts()))
        == "vendor sent a compressed answer (gzip), which was not asked for (malformed)"
    )
    with httpx2.Client() as plain:
        assert plain.headers["accept-encoding"] != "identity", "the HTTP library would have asked for it"
