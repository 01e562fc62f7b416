"""The voices that servers of OpenAI's older protocol list, over a socket."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import anyio
import pytest

from assistant.ports import ParleyError, ProviderError
from providers import openai_compatible, registry
from providers._card import VoiceInfo
from providers._voice_list import told
from tests.servers.compatible import CompatibleServer
from tests.servers.wire import Reply, Request

pytestmark = pytest.mark.anyio
KEY = "sk-own-DISTINCTIVE-0123456789"
SPEACHES = {
    "object": "list",
    "voices": [
        {"name": "af_heart", "language": "en-us", "gender": "female", "id": "af_heart"},
        {"name": "ff_siwis", "language": "fr-fr", "gender": "female", "id": "ff_siwis"},
    ],
}
KOKORO = {"voices": ["af_heart", "am_adam"]}


async def listed(server: CompatibleServer, **options: Any) -> list[VoiceInfo]:
    found = await registry.voices("openai-compatible", {"base_url": server.url, **options})
    assert found is not None
    return list(found)


@pytest.mark.parametrize(
    ("body", "voices"),
    [
        (SPEACHES, [VoiceInfo("af_heart", "", "en-us", "female"), VoiceInfo("ff_siwis", "", "fr-fr", "female")]),
        (KOKORO, [VoiceInfo("af_heart"), VoiceInfo("am_adam")]),
        ({"data": [{"id": "v1", "label": "Anna", "lang": "de", "description": "warm"}]},
         [VoiceInfo("v1", "Anna", "de", "warm")]),
        (["a", "b", "a"], [VoiceInfo("a"), VoiceInfo("b")]),
        ({"voices": [7, None, {}, {"name": 3}, "", {"voice_id": "ok"}]}, [VoiceInfo("ok")]),
        ({"voices": []}, []),
    ],
)  # fmt: skip
async def test_every_form(body: Any, voices: list[VoiceInfo]) -> None:
    server = CompatibleServer()
    server.voices = body
    async with server:
        assert await listed(server) == voices


@pytest.mark.parametrize("body", [{}, 7, "no", {"voices": "no"}, {"voices": {"a": 1}}, None])
def test_what_is_no_list(body: Any) -> None:
    assert told(body) is None


async def test_a_server_that_does_not_know_the_question_names_none() -> None:
    async with CompatibleServer() as server:
        assert await listed(server) == []  # type: ignore[arg-type]


async def test_the_key_is_sent_and_the_vendors_own_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else")
    server = CompatibleServer()
    server.voices = KOKORO
    async with server:
        await listed(server)
        await listed(server, api_key=KEY)
    assert [request.headers.get("authorization") for request in server.requests] == [None, f"Bearer {KEY}"]


class Faulty(CompatibleServer):
    """Answers the question in its own way."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.answer = reply

    def reply(self, request: Request) -> Reply:
        return self.answer


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply.of({"error": {"message": f"bad key {KEY}"}}, 401), "401"),
        (Reply.of({"error": "overloaded"}, 500), "500"),
        (Reply([b"<html>"], "text/html"), "malformed"),
        (Reply.of({"voices": 7}), "malformed"),
    ],
)
async def test_faults_are_one_clause_without_the_key(reply: Reply, said: str) -> None:
    async with Faulty(reply) as server:
        with pytest.raises(ProviderError, match=said) as caught:
            await listed(server, api_key=KEY)  # type: ignore[arg-type]
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_nobody_listens() -> None:
    async with CompatibleServer() as server:
        pass
    with pytest.raises(ProviderError, match="openai-compatible"):
        await listed(server)  # type: ignore[arg-type]


async def silent(stream: anyio.abc.SocketStream) -> None:
    async with stream:
        await anyio.sleep_forever()


async def test_a_server_that_hangs_is_given_up() -> None:
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, silent)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        options = {"base_url": f"http://127.0.0.1:{port}", "timeouts": {"first_byte": 0.2}}
        with anyio.fail_after(5), pytest.raises(ProviderError, match="0.2 s"):
            await openai_compatible.voices(options)
        group.cancel_scope.cancel()


async def test_without_an_address() -> None:
    with pytest.raises(ParleyError, match="base_url"):
        await openai_compatible.voices({})


def test_without_the_package_it_says_how_to_get_it() -> None:
    code = """
import sys, anyio
sys.modules["httpx2"] = None
from assistant.ports import ProviderUnavailable
from providers import openai_compatible
try:
    anyio.run(openai_compatible.voices, {"base_url": "http://127.0.0.1:9"})
except ProviderUnavailable as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'parley-voice[openai]'" in done.stdout
