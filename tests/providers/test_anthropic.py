"""Anthropic's provider and the real SDK against a server that speaks the Messages API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anthropic as sdk
import pytest

from assistant.ports import Message, ProviderError, ProviderUnavailable, Text, TextDelta, ToolCall
from providers import anthropic
from providers._errors import Refusal
from tests.servers.anthropic import AnthropicServer, supported
from tests.servers.openai import TEXT, WORDS

pytestmark = pytest.mark.anyio
KEY = "sk-ant-test-0123456789"
MESSAGES = [Message("system", (Text("Be brief."),)), Message("user", (Text("what time is it"),))]


@pytest.fixture
async def server() -> AsyncIterator[AnthropicServer]:
    async with AnthropicServer() as server:
        yield server  # type: ignore[misc]


async def test_the_server_is_faithful_to_the_sdks_eyes(server: AnthropicServer) -> None:
    server.thought, server.tools = "Hm.", [("toolu_1", "get_time", '{"zone": "UTC"}')]
    server.ending = {"stop_reason": "tool_use", "stop_sequence": None, "stop_details": None}
    asked: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    async with sdk.AsyncAnthropic(api_key=KEY, base_url=server.url, max_retries=0) as client:
        async with client.messages.stream(**asked) as stream:
            assert "".join([text async for text in stream.text_stream]) == TEXT
            message = await stream.get_final_message()
        assert [block.type for block in message.content] == ["thinking", "text", "tool_use"]
        assert message.content[2].input == {"zone": "UTC"}
        assert (message.stop_reason, message.usage.output_tokens) == ("tool_use", 42)
        model = await client.models.retrieve("claude-haiku-5-5")
        assert model.capabilities.thinking.types.disabled.supported
        for fault, kind in (
            ("401", sdk.AuthenticationError),
            ("402", sdk.PaymentRequiredError),
            ("529", sdk.OverloadedError),
        ):
            server.fault = fault  # type: ignore[assignment]
            with pytest.raises(kind):
                await client.messages.create(**asked)
        server.fault = None
        with pytest.raises(sdk.BadRequestError):
            await client.messages.create(**asked, extra_body={"temperature": 1.0})


async def test_what_it_asks_for(server: AnthropicServer) -> None:
    async with anthropic.chat_model({"base_url": server.url, "api_key": KEY}) as model:
        assert [delta.text async for delta in model.reply(MESSAGES)] == WORDS  # type: ignore[union-attr]
    [request] = server.posts
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["anthropic-version"] == "2026-10-21"
    assert request.json == {
        "model": "claude-haiku-5-5",
        "max_tokens": 400,
        "stream": True,
        "thinking": {"type": "disabled"},
        "cache_control": {"type": "ephemeral"},
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [{"role": "user", "content": "what time is it"}],
    }


@pytest.mark.parametrize(
    ("model", "thinking", "sent"),
    [
        ("claude-new-7", {"disabled": True, "between_tools": True}, {"thinking": {"type": "disabled"}}),
        ("claude-new-7", {"disabled": False, "between_tools": True}, {"thinking": {"type": "between_tools"}}),
        ("claude-new-7", {"disabled": False, "between_tools": False}, {"output_config": {"effort": "low"}}),
        ("claude-haiku-5-5", None, {"thinking": {"type": "disabled"}}),
        ("claude-sonnet-5-5", None, {"thinking": {"type": "between_tools"}}),
        ("claude-opus-5-5", None, {"output_config": {"effort": "low"}}),
        ("claude-fable-5-2", None, {"output_config": {"effort": "low"}}),
        ("claude-sonnet-4-6", None, {}),
    ],
)
async def test_it_thinks_as_little_as_the_model_allows(
    server: AnthropicServer, model: str, thinking: dict[str, bool] | None, sent: dict[str, Any]
) -> None:
    """What the API says of the model goes; where it says nothing, the table."""
    if thinking is None:
        server.model_status = 404
    else:
        server.thinking = supported(**thinking)
    async with anthropic.chat_model({"base_url": server.url, "api_key": KEY, "model": model}) as chat:
        [delta async for delta in chat.reply(MESSAGES)]
        [delta async for delta in chat.reply(MESSAGES)]
    for request in server.posts:
        assert {name: request.json[name] for name in ("thinking", "output_config") if name in request.json} == sent
    assert len([r for r in server.requests if r.path.startswith("/v1/models")]) == 1, "it is asked once"


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({"thinking": "default"}, {}),
        (
            {"thinking": "adaptive", "effort": "high"},
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
        ),
    ],
)
async def test_the_user_may_want_it_to_think(
    server: AnthropicServer, options: dict[str, str], sent: dict[str, Any]
) -> None:
    async with anthropic.chat_model({"base_url": server.url, "api_key": KEY, **options}) as chat:
        [delta async for delta in chat.reply(MESSAGES)]
    body = server.posts[0].json
    assert {name: body[name] for name in ("thinking", "output_config") if name in body} == sent


async def test_thoughts_are_not_spoken(server: AnthropicServer) -> None:
    server.thought = "The user wants the time."
    async with anthropic.chat_model({"base_url": server.url, "api_key": KEY}) as model:
        assert [delta.text async for delta in model.reply(MESSAGES)] == WORDS  # type: ignore[union-attr]


async def test_tool_calls_come_whole(server: AnthropicServer) -> None:
    server.tools = [("toolu_1", "get_time", '{"zone": "Europe/Paris"}'), ("toolu_2", "now", "")]
    async with anthropic.chat_model({"base_url": server.url, "api_key": KEY}) as model:
        deltas = [delta async for delta in model.reply(MESSAGES)]
    expected = [ToolCall("toolu_1", "get_time", {"zone": "Europe/Paris"}), ToolCall("toolu_2", "now", {})]
    assert deltas == [*map(TextDelta, WORDS), *expected]


@pytest.mark.parametrize(
    ("stop", "error", "says"),
    [
        ("refusal", Refusal, "refused to answer .cyber."),
        ("max_tokens", ProviderError, "raise max_tokens"),
        ("end_turn", ProviderError, "gave an empty reply"),
    ],
)
async def test_silence_is_a_failure(server: AnthropicServer, stop: str, error: type[ProviderError], says: str) -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": None} if stop == "refusal" else None
    server.words, server.ending = [], {"stop_reason": stop, "stop_sequence": None, "stop_details": details}
    async with anthropic.chat_model({"base_url": server.url, "api_key": KEY}) as model:
        with pytest.raises(error, match=says):
            [delta async for delta in model.reply(MESSAGES)]


async def test_a_conversation_that_the_assistant_began(server: AnthropicServer) -> None:
    greeted = [Message("assistant", (Text("Hello, I am Parley."),)), *MESSAGES[1:]]
    async with anthropic.chat_model({"base_url": server.url, "api_key": KEY}) as model:
        assert [delta async for delta in model.reply(greeted)]
    assert [message["role"] for message in server.posts[0].json["messages"]] == ["user", "assistant", "user"]


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
async def test_the_base_url_is_forgiven_a_version(server: AnthropicServer, suffix: str) -> None:
    async with anthropic.chat_model({"base_url": server.url + suffix, "api_key": KEY}) as model:
        assert [delta async for delta in model.reply(MESSAGES)]
    assert server.posts[0].path == "/v1/messages"


async def test_without_a_key_it_says_which_and_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with pytest.raises(
        ProviderUnavailable, match="set ANTHROPIC_API_KEY in the environment, or api_key in its options"
    ):
        async with anthropic.chat_model({}):
            pass
