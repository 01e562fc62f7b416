"""OpenAI's provider and the real SDK against a server that speaks OpenAI's protocol."""

from __future__ import annotations

import io
import re
import wave
from collections.abc import AsyncIterator

import anyio
import numpy as np
import openai as sdk
import pytest

from assistant.ports import (
    FRAME,
    Frame,
    Message,
    ParleyError,
    ProviderError,
    Text,
    ToolCall,
    ToolResult,
    Usage,
    abilities_of,
)
from providers import openai
from providers._errors import Refusal
from tests.providers.chat import TOOLS, ZONED, pieces
from tests.servers.openai import HEARD, TEXT, WORDS, OpenAIServer, response

pytestmark = pytest.mark.anyio
KEY = "sk-test-0123456789"
MESSAGES = [
    Message("system", (Text("Be brief."),)),
    Message("user", (Text("hi"),)),
    Message("assistant", (Text("Hello!"),)),
    Message("user", (Text("what time"),)),
    Message("user", (Text("is it"),)),
]


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server  # type: ignore[misc]


async def test_the_server_is_faithful_to_the_sdks_eyes(server: OpenAIServer) -> None:
    async with sdk.AsyncOpenAI(api_key=KEY, base_url=server.url, max_retries=0) as client:
        events = [e async for e in await client.responses.create(model="m", input="hi", stream=True)]
        assert [type(e).__name__ for e in events[:4]] == [
            "ResponseCreatedEvent", "ResponseInProgressEvent", "ResponseOutputItemAddedEvent",
            "ResponseContentPartAddedEvent",
        ]  # fmt: skip
        assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == TEXT
        assert type(events[-1]).__name__ == "ResponseCompletedEvent"
        assert events[-1].response.status == "completed"
        heard = await client.audio.transcriptions.create(model="gpt-transcribe", file=("a.wav", b"RIFF", "audio/wav"))
        assert heard.text == HEARD
        assert [model.id for model in (await client.models.list()).data] == ["gpt-6-luna"]
        for fault, kind in (
            ("401", sdk.AuthenticationError),
            ("429", sdk.RateLimitError),
            ("500", sdk.InternalServerError),
        ):
            server.fault = fault  # type: ignore[assignment]
            with pytest.raises(kind):
                await client.responses.create(model="m", input="hi", stream=True)


async def test_what_it_asks_for(server: OpenAIServer) -> None:
    async with openai.chat_model({"base_url": server.url, "api_key": KEY, "max_tokens": 123}) as model:
        assert pieces([delta async for delta in model.reply(MESSAGES)]) == WORDS
    [request] = server.posts
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.json == {
        "model": "gpt-6-luna",
        "stream": True,
        "store": False,
        "instructions": "Be brief.",
        "reasoning": {"effort": "none"},
        "max_output_tokens": 123,
        "input": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "Hello!"},
            {"role": "user", "content": "what time\nis it"},
        ],
    }


async def test_tool_calls_come_whole(server: OpenAIServer) -> None:
    server.words, server.tools = [], [("call_1", "get_time", '{"zone": "Europe/Paris"}'), ("call_2", "now", "")]
    async with openai.chat_model({"base_url": server.url, "api_key": KEY}) as model:
        assert abilities_of(model).tools
        deltas = [delta async for delta in model.reply(MESSAGES, TOOLS)]
    expected = [ToolCall("call_1", "get_time", {"zone": "Europe/Paris"}), ToolCall("call_2", "now", {})]
    assert deltas[:-1] == expected
    tools = server.posts[0].json["tools"]
    assert tools[0] == {
        "type": "function", "name": "get_time", "description": "The time.", "parameters": ZONED, "strict": False,
    }  # fmt: skip
    assert [tool["name"] for tool in tools] == ["get_time", "now"]


async def test_results_go_back(server: OpenAIServer) -> None:
    server.then = ["Five past two."]
    call = ToolCall("toolu_1", "get_time", {"zone": "Köln"}, opaque=("anthropic", "thoughts of its own"))
    made = Message("assistant", (Text("Let me see."), call))
    back = Message("user", (ToolResult(call.id, call.name, "14:05"),))
    async with openai.chat_model({"base_url": server.url, "api_key": KEY}) as model:
        assert pieces([delta async for delta in model.reply([MESSAGES[0], MESSAGES[1], made, back])]) == server.then
    assert server.posts[0].json["input"] == [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "Let me see."},
        {"type": "function_call", "call_id": "toolu_1", "name": "get_time", "arguments": '{"zone": "Köln"}'},
        {"type": "function_call_output", "call_id": "toolu_1", "output": "14:05"},
    ]
    assert "tools" not in server.posts[0].json


@pytest.mark.parametrize("words", [["Let me see."], []], ids=["words", "no words"])
async def test_thoughts_go_back_unchanged_with_the_calls_that_they_led_to(
    server: OpenAIServer, words: list[str]
) -> None:
    """Nothing is stored there, so they come and go encrypted."""
    server.words, server.then, server.thought = words, ["Done."], "gAAAA-encrypted"
    server.tools = [("call_1", "now", "{}")]
    async with openai.chat_model({"base_url": server.url, "api_key": KEY, "effort": "low"}) as model:
        deltas = [delta async for delta in model.reply(MESSAGES, TOOLS)]
        [call] = [delta for delta in deltas if isinstance(delta, ToolCall)]
        made = Message("assistant", (*map(Text, words), call))
        back = Message("user", (ToolResult(call.id, call.name, "14:05"),))
        assert [delta async for delta in model.reply([*MESSAGES, made, back], TOOLS)]
    sent = server.posts[1].json["input"][3:]
    assert [item.get("type", item.get("role")) for item in sent] == [
        "reasoning", *(["assistant"] if words else []), "function_call", "function_call_output",
    ]  # fmt: skip
    assert sent[0] == {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "gAAAA-encrypted"}


@pytest.mark.parametrize("cut", [False, True], ids=["malformed", "cut at max_tokens"])
async def test_tool_arguments_that_are_no_json(server: OpenAIServer, cut: bool) -> None:
    server.words, server.tools = [], [("call_1", "get_time", '{"zone":')]
    if cut:
        reason = {"reason": "max_output_tokens"}
        server.end = ("response.incomplete", response("incomplete", incomplete_details=reason))
    says = "in the middle of a tool call; raise max_tokens" if cut else "arguments that cannot be read"
    async with openai.chat_model({"base_url": server.url, "api_key": KEY}) as model:
        with pytest.raises(ProviderError, match=says):
            [delta async for delta in model.reply(MESSAGES, TOOLS)]


async def test_what_it_has_used(server: OpenAIServer) -> None:
    """Tokens that were read from the cache, or written to it, are not counted among the others."""
    async with openai.chat_model({"base_url": server.url, "api_key": KEY}) as model:
        *_, last = [delta async for delta in model.reply(MESSAGES)]
        assert last == Usage(input_tokens=24, cached_tokens=64, cache_write_tokens=32, output_tokens=9)
        server.usage = None
        assert pieces([delta async for delta in model.reply(MESSAGES)]) == WORDS, "a server need not tell"


async def test_a_reply_cut_at_max_tokens_is_a_reply(server: OpenAIServer) -> None:
    cut = response("incomplete", incomplete_details={"reason": "max_output_tokens"})
    server.end = ("response.incomplete", cut)
    async with openai.chat_model({"base_url": server.url, "api_key": KEY}) as model:
        assert pieces([delta async for delta in model.reply(MESSAGES)]) == WORDS


@pytest.mark.parametrize(
    ("reason", "error", "says"),
    [
        (None, ProviderError, "gave an empty reply"),
        ("max_output_tokens", ProviderError, "gave an empty reply (max_output_tokens)"),
        ("content_filter", Refusal, "withheld its reply"),
    ],
)
async def test_silence_is_a_failure(
    server: OpenAIServer, reason: str | None, error: type[ProviderError], says: str
) -> None:
    server.words = []
    if reason:
        server.end = ("response.incomplete", response("incomplete", incomplete_details={"reason": reason}))
    async with openai.chat_model({"base_url": server.url, "api_key": KEY}) as model:
        with pytest.raises(error, match=re.escape(says)):
            [delta async for delta in model.reply(MESSAGES)]


async def test_what_is_uploaded_for_recognition(server: OpenAIServer) -> None:
    options = {"base_url": server.url, "api_key": KEY, "languages": ["en", "pt_BR"], "keywords": ["Wobbegong"]}
    sound = np.clip(np.sin(np.arange(16_000) * 0.05) * 1.2, -1.5, 1.5).astype(np.float32)
    async with openai.transcriber(options) as transcriber, transcriber.stream() as stream:
        assert not transcriber.abilities.partials
        for at in range(0, len(sound) - FRAME, FRAME):
            stream.push(Frame(sound[at : at + FRAME], 16_000 + at))
        stream.finish()
        transcript = await anext(aiter(stream))
    assert (transcript.text, transcript.final, transcript.language) == (HEARD, True, "en")
    assert transcript.until == pytest.approx(1.0 + 31 * 512 / 16_000 - 0.032, abs=0.05)
    [request] = server.posts
    form = request.form
    assert form["model"] == [b"gpt-transcribe"]
    assert form["response_format"] == [b"json"]
    assert form["languages[]"] == [b"en", b"pt-BR"]
    assert form["keywords[]"] == [b"Wobbegong"]
    with wave.open(io.BytesIO(form["file"][0])) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        heard = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    expected = np.clip(sound, -1, 1)[: len(heard)]
    assert len(heard) > 15_000
    assert np.abs(heard / 32768 - expected).max() < 1e-4


async def test_the_key_of_the_environment(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-from-environment\n")
    async with openai.chat_model({"base_url": server.url}) as model:
        [delta async for delta in model.reply(MESSAGES)]
    assert server.posts[0].headers["authorization"] == "Bearer sk-from-environment"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"modle": "x"}, "modle"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"base_url": "ftp://x"}, "base_url is not an address"),
        ({"base_url": "http://[half"}, "base_url is not an address"),
    ],
)
async def test_a_wrong_option_is_named(options: dict[str, object], says: str) -> None:
    with pytest.raises(ParleyError, match=says) as caught:
        async with openai.chat_model({"api_key": KEY, **options}):
            pass
    assert KEY not in str(caught.value)


async def test_an_interruption_within_opening_leaves_nothing_behind(server: OpenAIServer) -> None:
    with anyio.move_on_after(0.001):
        async with openai.chat_model({"base_url": server.url, "api_key": KEY}):
            pytest.fail("that was quick")
    async with openai.chat_model({"base_url": server.url, "api_key": KEY}) as model:
        assert [delta async for delta in model.reply(MESSAGES)]
