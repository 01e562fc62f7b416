"""Gemini's provider and the real SDK against a server that speaks generateContent."""

from __future__ import annotations

import asyncio
import base64
import gc
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from assistant.ports import Delta, Message, ProviderError, ProviderUnavailable, Text, ToolCall, ToolResult, Usage
from providers import gemini
from providers._errors import Refusal
from tests.providers.chat import MESSAGES, TOOLS, ZONED, pieces
from tests.servers.gemini import SIGNATURE, SKIP, GeminiServer, asked
from tests.servers.openai import TEXT, WORDS
from tests.servers.wire import RETRY_AFTER

pytestmark = pytest.mark.anyio
KEY = "AIzaTEST-0123456789"
SIGNED = base64.b64encode(SIGNATURE).decode()


@pytest.fixture
async def server() -> AsyncIterator[GeminiServer]:
    async with GeminiServer() as server:
        yield server  # type: ignore[misc]


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


async def replied(server: GeminiServer, messages: Any = MESSAGES, tools: Any = (), **options: Any) -> list[Delta]:
    async with gemini.chat_model({"base_url": server.url, "api_key": KEY, **options}) as model:
        return [delta async for delta in model.reply(messages, tools)]


async def test_the_server_is_faithful_to_the_sdks_eyes(server: GeminiServer) -> None:
    server.thought, server.calls_made, server.cached = "Hm.", [("fc-1", "get_time", {"zone": "UTC"})], 5
    client = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=server.url, api_version="v1beta"))
    request: dict[str, Any] = {
        "model": "gemini-3.5-flash-lite",
        "contents": "hi",
        "config": types.GenerateContentConfig(
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True)
        ),
    }
    async with client.aio as api:
        events = [event async for event in await api.models.generate_content_stream(**request)]
        parts = [part for event in events for part in event.candidates[0].content.parts]
        assert [part.text for part in parts if part.thought] == ["Hm."]
        assert "".join(part.text or "" for part in parts if not part.thought) == TEXT
        [called] = [part for part in parts if part.function_call]
        assert (called.function_call.id, called.function_call.args) == ("fc-1", {"zone": "UTC"})
        assert called.thought_signature == SIGNATURE
        last = events[-1]
        assert last.candidates[0].finish_reason is types.FinishReason.STOP
        assert (last.usage_metadata.thoughts_token_count, last.usage_metadata.cached_content_token_count) == (12, 5)
        assert [model.name async for model in await api.models.list()] == ["models/gemini-3.5-flash-lite"]
        for fault, code, status in (
            ("401", 400, "INVALID_ARGUMENT"),
            ("403", 403, "PERMISSION_DENIED"),
            ("429", 429, "RESOURCE_EXHAUSTED"),
            ("529", 503, "UNAVAILABLE"),
        ):
            server.fault = fault  # type: ignore[assignment]
            with pytest.raises(errors.APIError) as raised:
                [_ async for _ in await api.models.generate_content_stream(**request)]
            assert (raised.value.code, raised.value.status) == (code, status)
    client.close()


async def test_what_it_asks_for(server: GeminiServer) -> None:
    assert pieces(await replied(server)) == WORDS
    [request] = server.posts
    assert request.path == "/v1beta/models/gemini-3.5-flash-lite:streamGenerateContent?alt=sse"
    assert request.headers["x-goog-api-key"] == KEY
    assert asked(request.json) == {
        "contents": [{"role": "user", "parts": [{"text": "what time is it"}]}],
        "systemInstruction": {"role": "user", "parts": [{"text": "Be brief."}]},
        "generationConfig": {"maxOutputTokens": 400, "thinkingConfig": {"thinkingLevel": "MINIMAL"}},
    }


@pytest.mark.parametrize(
    ("model", "level"),
    [
        ("gemini-3.5-flash-lite", "MINIMAL"),
        ("models/gemini-3.5-flash", "MINIMAL"),
        ("gemini-3.6-flash", "MINIMAL"),
        ("gemini-3.1-flash-lite", "MINIMAL"),
        ("gemini-3.1-pro", "LOW"),
        ("gemini-3.7-flash", "LOW"),
        ("gemini-3.8-flash", "LOW"),
        ("gemini-4-argon", "LOW"),
        ("gemma-4", None),
    ],
)
async def test_it_thinks_as_little_as_the_model_allows(server: GeminiServer, model: str, level: str | None) -> None:
    assert pieces(await replied(server, model=model)) == WORDS
    sent = asked(server.posts[0].json)["generationConfig"].get("thinkingConfig")
    assert sent == ({"thinkingLevel": level} if level else None)


async def test_the_user_may_want_it_to_think(server: GeminiServer) -> None:
    await replied(server, thinking="high")
    await replied(server, thinking="default")
    first, second = (asked(request.json)["generationConfig"] for request in server.posts)
    assert first["thinkingConfig"] == {"thinkingLevel": "HIGH"}
    assert "thinkingConfig" not in second
    with pytest.raises(ProviderError, match=r"called the request invalid \(400\): Thinking level MINIMAL"):
        await replied(server, model="gemini-3.8-flash", thinking="minimal")


async def test_thoughts_are_not_spoken(server: GeminiServer) -> None:
    server.thought = "The user wants the time."
    assert pieces(await replied(server)) == WORDS


async def test_what_it_used(server: GeminiServer) -> None:
    """Thoughts are paid for as what is said; what came from a cache is counted apart."""
    server.cached = 5
    assert (await replied(server))[-1] == Usage(input_tokens=20, cached_tokens=5, output_tokens=42)


# --- tools ------------------------------------------------------------------------------------------------------------


async def test_tools_are_described_and_called(server: GeminiServer) -> None:
    server.calls_made = [("fc-1", "get_time", {"zone": "Europe/Paris"}), (None, "now", {})]
    deltas = await replied(server, tools=TOOLS)
    assert asked(server.posts[0].json)["tools"] == [
        {
            "functionDeclarations": [
                {"name": "get_time", "description": "The time.", "parametersJsonSchema": ZONED},
                {
                    "name": "now",
                    "description": "This moment.",
                    "parametersJsonSchema": {"type": "object", "properties": {}},
                },
            ]
        }
    ]
    assert pieces(deltas) == WORDS
    assert [delta for delta in deltas if isinstance(delta, ToolCall)] == [
        ToolCall("fc-1", "get_time", {"zone": "Europe/Paris"}, ("gemini", {"id": "fc-1", "signature": SIGNED})),
        ToolCall("call_1", "now", {}, ("gemini", {"id": None, "signature": None})),
    ]


async def test_results_go_back_with_the_calls_as_they_came(server: GeminiServer) -> None:
    """Its signature and its own ids unchanged; the server would reject anything else."""
    server.calls_made = [("fc-1", "get_time", {"zone": "UTC"}), (None, "now", {})]
    async with gemini.chat_model({"base_url": server.url, "api_key": KEY}) as model:
        first, second = [d async for d in model.reply(MESSAGES, TOOLS) if isinstance(d, ToolCall)]
        server.calls_made = []
        results = (ToolResult(first.id, "get_time", "16:00"), ToolResult(second.id, "now", "no clock", failed=True))
        messages = [*MESSAGES, Message("assistant", (Text("Let me look."), first, second)), Message("user", results)]
        assert pieces([delta async for delta in model.reply(messages, TOOLS)]) == WORDS
    assert asked(server.posts[1].json)["contents"][1:] == [
        {
            "role": "model",
            "parts": [
                {"text": "Let me look."},
                {
                    "functionCall": {"id": "fc-1", "name": "get_time", "args": {"zone": "UTC"}},
                    "thoughtSignature": SIGNED,
                },
                {"functionCall": {"name": "now", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "fc-1", "name": "get_time", "response": {"output": "16:00"}}},
                {"functionResponse": {"name": "now", "response": {"error": "no clock"}}},
            ],
        },
    ]


async def test_it_goes_on_from_another_models_calls(server: GeminiServer) -> None:
    """After a failure elsewhere: those calls have no signature, and their ids mean nothing here."""
    call = ToolCall("toolu_9", "get_time", {"zone": "UTC"}, ("anthropic", (({"thinking": "..."},), ())))
    messages = [
        *MESSAGES,
        Message("assistant", (call, ToolCall("toolu_10", "now", {}))),
        Message("user", (ToolResult("toolu_9", "get_time", "16:00"), ToolResult("toolu_10", "now", "16:00"))),
    ]
    assert pieces(await replied(server, messages, TOOLS)) == WORDS
    first, second = asked(server.posts[0].json)["contents"][1]["parts"]
    assert first["functionCall"] == {"name": "get_time", "args": {"zone": "UTC"}}
    assert base64.b64decode(first["thoughtSignature"]) == SKIP
    assert second == {"functionCall": {"name": "now", "args": {}}}


async def test_after_its_own_greeting_a_user_opens_the_conversation(server: GeminiServer) -> None:
    messages = [Message("assistant", (Text("Good morning."),)), Message("user", (Text("what time is it"),))]
    assert pieces(await replied(server, messages)) == WORDS
    assert [turn["role"] for turn in asked(server.posts[0].json)["contents"]] == ["user", "model", "user"]


# --- ends -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("finish", "kind", "says"),
    [
        ("SAFETY", Refusal, r"gemini withheld its reply \(safety\)"),
        ("PROHIBITED_CONTENT", Refusal, r"gemini withheld its reply \(prohibited content\)"),
        ("MAX_TOKENS", ProviderError, "thought until max_tokens were used up and said nothing; raise max_tokens"),
        ("MALFORMED_FUNCTION_CALL", ProviderError, "called a tool with arguments that cannot be read"),
        ("STOP", ProviderError, "gemini gave an empty reply$"),
        ("NEWER_THAN_THE_SDK", ProviderError, r"gemini gave an empty reply \(newer than the sdk\)"),
        (None, ProviderError, "cut the reply short"),
    ],
)
async def test_why_nothing_was_said(
    server: GeminiServer, finish: str | None, kind: type[ProviderError], says: str
) -> None:
    server.words, server.finish = [], finish
    with pytest.raises(ProviderError, match=says) as raised:
        await replied(server)
    assert type(raised.value) is kind


async def test_a_request_may_be_refused(server: GeminiServer) -> None:
    server.blocked = "SAFETY"
    with pytest.raises(Refusal, match=r"gemini refused the request \(safety\)"):
        await replied(server)


async def test_what_was_said_before_the_tokens_ran_out_counts(server: GeminiServer) -> None:
    server.finish = "MAX_TOKENS"
    assert pieces(await replied(server)) == WORDS


async def test_how_long_to_wait_is_read_from_the_body(server: GeminiServer) -> None:
    server.fault = "429"
    with pytest.raises(ProviderError, match="is asked too often") as raised:
        await replied(server)
    assert raised.value.retry_after == RETRY_AFTER


async def test_leaving_in_the_middle_leaves_nothing_to_the_collector(server: GeminiServer) -> None:
    """The SDK's generators lie one in the other; those that are forgotten would be closed by tasks of its own."""
    forgotten: list[str] = []
    hooks = sys.get_asyncgen_hooks()
    async with gemini.chat_model({"base_url": server.url, "api_key": KEY}) as model:
        server.hold = asyncio.Event()
        # The hook that is in force when a generator begins is the one that is told.
        sys.set_asyncgen_hooks(hooks.firstiter, lambda generator: forgotten.append(generator.__qualname__))
        try:
            async with aclosing(model.reply(MESSAGES)) as deltas:
                await anext(deltas)
            gc.collect()
        finally:
            sys.set_asyncgen_hooks(*hooks)
    assert forgotten == []


# --- the key ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "sent"),
    [
        ({"GEMINI_API_KEY": "AIzaONE"}, "AIzaONE"),
        ({"GOOGLE_API_KEY": "AIzaTWO"}, "AIzaTWO"),
        ({"GEMINI_API_KEY": "AIzaONE", "GOOGLE_API_KEY": "AIzaTWO"}, "AIzaONE"),
        ({"GEMINI_API_KEY": "", "GOOGLE_API_KEY": "AIzaTWO"}, "AIzaTWO"),
    ],
)
async def test_whose_key_is_sent(
    server: GeminiServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    environment: dict[str, str],
    sent: str,
) -> None:
    """The one that names this service alone, and the SDK says nothing of the other."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    await replied(server, api_key="")
    assert {request.headers.get("x-goog-api-key") for request in server.posts} == {sent}
    assert "API_KEY" not in caplog.text


async def test_without_its_package_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.genai", None)
    with pytest.raises(
        ProviderUnavailable, match=r"'google-genai'; install it with: pip install 'parley-voice\[gemini\]'"
    ):
        async with gemini.chat_model({"api_key": KEY}):
            pass


@pytest.mark.parametrize("path", ["", "/", "/v1beta", "/v1beta/models"])
async def test_base_urls_people_write(server: GeminiServer, path: str) -> None:
    assert pieces(await replied(server, base_url=server.url + path)) == WORDS


async def test_the_environment_does_not_send_it_elsewhere(server: GeminiServer, monkeypatch: Any) -> None:
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "someones")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://nowhere.invalid")
    monkeypatch.setenv("GOOGLE_GENAI_API_VERSION", "v9")
    assert pieces(await replied(server)) == WORDS
