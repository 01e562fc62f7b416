"""Groq: its presets over the compatible providers, against a server that is held against Groq's own SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import groq as sdk
import numpy as np
import pytest

from assistant.ports import FRAME, Frame, ProviderError, ProviderUnavailable, Tool, ToolCall
from providers import groq
from providers._errors import Rejected
from tests.providers.chat import MESSAGES, text
from tests.servers.dialects import Groq
from tests.servers.openai import HEARD, TEXT

pytestmark = pytest.mark.anyio
KEY = "gsk_test-0123456789"
TOOLS = [Tool("get_time", "The time.", {"type": "object", "properties": {}})]


@pytest.fixture
async def server() -> AsyncIterator[Groq]:
    async with Groq() as server:
        yield server  # type: ignore[misc]


async def replied(server: Groq, **options: Any) -> list[Any]:
    async with groq.chat_model({"base_url": server.url, "api_key": KEY, **options}) as model:
        return [delta async for delta in model.reply(MESSAGES, TOOLS)]


async def heard(server: Groq, **options: Any) -> Any:
    opened = groq.transcriber({"base_url": server.url, "api_key": KEY, **options})
    async with opened as transcriber, transcriber.stream() as stream:
        stream.push(Frame(np.full(FRAME, 0.3, np.float32), 32_000))
        stream.finish()
        return await anext(aiter(stream))


async def test_the_server_is_faithful_to_the_sdks_eyes(server: Groq) -> None:
    server.tool = ("call_7", "get_time", {"zone": "UTC"})
    tool: Any = {"type": "function", "function": {"name": "get_time"}}
    asked: Any = {"messages": [{"role": "user", "content": "hi"}], "tools": [tool], "stream": True}
    base_url = server.url.removesuffix("/openai/v1")
    async with sdk.AsyncGroq(api_key=KEY, base_url=base_url, max_retries=0) as client:
        create = client.chat.completions.create
        chunks = [chunk async for chunk in await create(model="openai/gpt-oss-120b", reasoning_effort="low", **asked)]
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT
        assert any(chunk.choices[0].delta.reasoning for chunk in chunks), "unless it is told to hide it"
        assert chunks[0].x_groq is not None and chunks[0].x_groq.id == "req_1"
        assert chunks[-1].choices[0].finish_reason == "tool_calls"
        for wrong in (
            {"model": "openai/gpt-oss-120b", "reasoning_format": "hidden"},
            {"model": "openai/gpt-oss-120b", "reasoning_effort": "none"},
            {"model": "qwen/qwen3.8-27b", "reasoning_format": "hidden", "include_reasoning": False},
        ):
            with pytest.raises(sdk.BadRequestError):
                await create(**wrong, **asked)  # type: ignore[arg-type]
        speech: Any = {"file": ("a.wav", b"RIFF"), "model": "whisper-large-v3-turbo"}
        said = await client.audio.transcriptions.create(
            **speech, response_format="verbose_json", timestamp_granularities=["word"]
        )
        assert said.text.strip() == HEARD
        for fault, kind in (("401", sdk.AuthenticationError), ("404", sdk.NotFoundError), ("429", sdk.RateLimitError)):
            server.fault = fault  # type: ignore[assignment]
            with pytest.raises(kind):
                await create(model="m", **asked)


async def test_what_it_asks_for(server: Groq) -> None:
    deltas = await replied(server)
    assert text(deltas) == TEXT
    [request] = server.posts
    assert (request.path, request.headers["authorization"]) == ("/openai/v1/chat/completions", f"Bearer {KEY}")
    body = request.json
    assert (body["model"], body["max_tokens"], body["stream"]) == ("openai/gpt-oss-120b", 400, True)
    assert (body["reasoning_effort"], body["include_reasoning"]) == ("low", False)


@pytest.mark.parametrize(
    ("model", "sent"),
    [
        ("openai/gpt-oss-120b", {"reasoning_effort": "low", "include_reasoning": False}),
        ("openai/gpt-oss-20b", {"reasoning_effort": "low", "include_reasoning": False}),
        ("qwen/qwen3.8-27b", {"reasoning_effort": "none", "reasoning_format": "hidden"}),
        ("meta-llama/llama-5", {}),
    ],
)
async def test_it_thinks_as_little_as_the_model_has_and_keeps_it_to_itself(
    server: Groq, model: str, sent: dict[str, Any]
) -> None:
    """The server rejects what a model does not have."""
    assert text(await replied(server, model=model)) == TEXT
    body = server.posts[0].json
    assert {name: body[name] for name in body if "reasoning" in name} == sent


async def test_the_user_may_want_more(server: Groq) -> None:
    await replied(server, effort="high", extra={"service_tier": "flex"})
    body = server.posts[0].json
    assert (body["reasoning_effort"], body["service_tier"], body["include_reasoning"]) == ("high", "flex", False)


async def test_tools(server: Groq) -> None:
    server.tool = ("call_7", "get_time", {"zone": "UTC"})
    assert [delta for delta in await replied(server) if isinstance(delta, ToolCall)] == [
        ToolCall("call_7", "get_time", {"zone": "UTC"})
    ]


async def test_why_it_broke_off_is_told_in_its_own_field(server: Groq) -> None:
    server.broken_off = "over capacity"
    with pytest.raises(ProviderError, match="groq sent an error: over capacity"):
        await replied(server)


async def test_speech(server: Groq) -> None:
    said = await heard(server, language="de")
    assert (said.text, said.final, said.words) == (HEARD, True, ())
    form = server.posts[0].form
    assert (form["model"], form["language"]) == ([b"whisper-large-v3-turbo"], [b"de"])


async def test_the_words_times_where_they_are_wanted(server: Groq) -> None:
    async with groq.transcriber({"base_url": server.url, "api_key": KEY, "words": True}) as transcriber:
        assert transcriber.abilities.word_times
    said = await heard(server, words=True)
    assert [(word.text, word.start) for word in said.words] == [
        (word, 2.0 + index / 4) for index, word in enumerate(HEARD.split())
    ]


async def test_the_key(server: Groq, monkeypatch: pytest.MonkeyPatch) -> None:
    """Groq's own, never OpenAI's."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openais-own")
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    for factory in (groq.chat_model, groq.transcriber):
        with pytest.raises(ProviderUnavailable, match="groq needs an API key: set GROQ_API_KEY"):
            async with factory({}):
                pass
    monkeypatch.setenv("GROQ_API_KEY", KEY)
    await replied(server, api_key="")
    assert server.posts[0].headers["authorization"] == f"Bearer {KEY}"


async def test_a_retired_model_is_not_asked_for_again_soon(server: Groq, monkeypatch: pytest.MonkeyPatch) -> None:
    retired = {"error": {"message": "The model `x` has been decommissioned.", "code": "model_decommissioned"}}
    monkeypatch.setattr(server, "error", lambda status: retired)
    server.fault = "500"
    with pytest.raises(Rejected, match="has been decommissioned"):
        await replied(server)


@pytest.mark.parametrize("path", ["", "/", "/openai/v1", "/openai/v1/chat/completions"])
async def test_base_urls_people_write(server: Groq, path: str) -> None:
    assert text(await replied(server, base_url=f"http://127.0.0.1:{server.port}{path}")) == TEXT
