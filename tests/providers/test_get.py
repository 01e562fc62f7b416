"""A small question over HTTP without an HTTP client, to a server that misbehaves."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest

from assistant.ports import ProviderError
from providers import _get
from providers._errors import Rejected
from providers._options import Timeouts
from tests.servers.wire import Reply, Request, Server

pytestmark = pytest.mark.anyio
KEY = "sk-DISTINCTIVE-0123456789"
QUICK = Timeouts(connect=0.3, first_byte=0.3, gap=0.3)


class Answering(Server):
    answer = Reply.of({"voices": ["ä"]})

    def reply(self, request: Request) -> Reply:
        return self.answer


async def ask(server: Answering) -> Any:
    with anyio.fail_after(5):
        return await _get.get(f"{server.url}/list", {"x-key": KEY}, provider="vendor", timeouts=QUICK, secrets=(KEY,))


async def test_the_document_comes() -> None:
    async with Answering() as server:
        assert await ask(server) == {"voices": ["ä"]}
        assert server.requests[0].headers["x-key"] == KEY


async def test_an_address_of_a_websocket_will_do() -> None:
    async with Answering() as server:
        url = server.url.replace("http", "ws")
        assert await _get.get(url, {}, provider="vendor", timeouts=QUICK) == {"voices": ["ä"]}


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (401, Rejected, "vendor rejected the key (401)"),
        (404, Rejected, "vendor does not know this model or address (404): key ***"),
        (429, ProviderError, "vendor is asked too often (429): key ***"),
        (500, ProviderError, "vendor failed inside (500): key ***"),
    ],
)
async def test_a_refusal_is_one_sentence(status: int, kind: type[Exception], said: str) -> None:
    async with Answering() as server:
        server.answer = Reply.of({"error": {"message": f"key {KEY}"}}, status, **{"Retry-After": "4"})
        with pytest.raises(ProviderError) as failure:
            await ask(server)
    assert (type(failure.value), str(failure.value), failure.value.retry_after) == (kind, said, 4.0)
    assert failure.value.__context__ is None


async def test_nobody_else_is_given_the_key() -> None:
    async with Answering() as elsewhere, Answering() as server:
        server.answer = Reply([b""], "text/plain", 302, {"location": f"{elsewhere.url}/list"})
        with pytest.raises(ProviderError, match=r"vendor answered with an error \(302\)"):
            await ask(server)
        assert elsewhere.requests == []


async def test_nothing_listens_there() -> None:
    async with Answering() as server:
        await server.stop()
        with pytest.raises(ProviderError, match="cannot be reached: nothing listens there"):
            await ask(server)
        await server.listen()


async def test_a_body_that_is_no_document() -> None:
    async with Answering() as server:
        server.answer = Reply([b'{"voices": ['], "application/json")
        with pytest.raises(ProviderError, match="vendor sent something that cannot be read"):
            await ask(server)


async def test_a_body_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_get, "MOST", 1 << 20)
    async with Answering() as server:
        server.answer = Reply([b"x" * (1 << 16)] * 64, "application/json")
        with pytest.raises(ProviderError, match="vendor sent more than 1 MB"):
            await ask(server)


async def test_no_answer_at_all() -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(mute, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        with anyio.fail_after(5), pytest.raises(ProviderError, match=r"vendor did not answer within 0.3 s"):
            await _get.get(f"http://127.0.0.1:{port}", {}, provider="vendor", timeouts=QUICK)


async def test_a_drip_is_not_waited_for() -> None:
    async with Answering(pause=0.1) as server:
        server.answer = Reply([b"[", *[b" "] * 100, b"]"], "application/json")
        with pytest.raises(ProviderError, match=r"vendor: no answer within 0.6 s"):
            await ask(server)
