"""Anthropic's provider and the real SDK against a server that speaks the Messages API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anthropic as sdk
import pytest

from assistant.ports import Delta, Message, ProviderError, Text, TextDelta, ToolCall, ToolResult, Usage, abilities_of
from providers import anthropic
from providers._errors import Refusal
from tests.providers.chat import MESSAGES, TOOLS, ZONED, pieces
from tests.servers.anthropic import AnthropicServer, supported
from tests.servers.openai import TEXT, WORDS

pytestmark = pytest.mark.anyio
KEY = "sk-ant-test-0123456789"


@pytest.fixture
async def server() -> AsyncIterator[AnthropicServer]:
    async with AnthropicServer() as server:
        yield server  # type: ignore[misc]


async def test_the_server_is_faithful_to_the_sdks_eyes(server: AnthropicServer) -> None:
    server.thought, server.tools = "Hm.", [("toolu_1", "get_time", '{"zone": "UTC"}')]
    server.ending = {"stop_reason": "tool_use", "stop_sequence": None, "stop_details": None}
    asked: dict[str, Any] = {
        "model": "m",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "hi"}],
        "tools": [{"name": "get_time", "input_schema": {"type": "object"}}],
    }
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
        assert pieces([delta async for delta in model.reply(MESSAGES)]) == WORDS
    [request] = server.posts
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["anthropic-version"] == "2026-10-21"
    assert request.json == {
        "model": "claude-haiku-5-5",
        "max_tokens": 400,
        "stream": True,
        "thinking": {"type": "disabled"},
        "cache_control": {"type": "ephemeral"},
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
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
        assert pieces([delta async for delta in model.reply(MESSAGES)]) == WORDS


async def test_tool_calls_come_whole(server: AnthropicServer) -> None:
    server.tools = [("toolu_1", "get_time", '{"zone": "Europe/Paris"}'), ("toolu_2", "now", "")]
    async with anthropic.chat_model({"base_url": server.url, "api_key": KEY}) as model:
        assert abilities_of(model).tools
        deltas = [delta async for delta in model.reply(MESSAGES, TOOLS)]
    expected = [ToolCall("toolu_1", "get_time", {"zone": "Europe/Paris"}), ToolCall("toolu_2", "now", {})]
    assert deltas[:-1] == [*map(TextDelta, WORDS), *expected]
    assert isinstance(deltas[-1], Usage)
    body = server.posts[0].json
    assert body["tools"] == [
        {"name": "get_time", "description": "The time.", "input_schema": ZONED},
        {"name": "now", "description": "This moment.", "input_schema": {"type": "object", "properties": {}}},
    ]
    assert "tool_choice" not in body
    assert body["thinking"] == {"type": "disabled"}, "as little as the model allows, with tools too"


def answered(call: ToolCall, content: str = "14:05", failed: bool = False, text: str = "Let me see.") -> list[Message]:
    """The conversation with a call made and its result."""
    made = Message("assistant", (*([Text(text)] if text else []), call))
    return [*MESSAGES, made, Message("user", (ToolResult(call.id, call.name, content, failed),))]


async def test_results_go_back(server: AnthropicServer) -> None:
    server.then = ["Five past two."]
    async with anthropic.chat_model({"base_url": server.url, "api_key": KEY}) as model:
        messages = answered(ToolCall("toolu_1", "get_time", {"zone": "UTC"}), "no such zone", failed=True)
        assert pieces([delta async for delta in model.reply(messages, TOOLS)]) == ["Five past two."]
    use = {"type": "tool_use", "id": "toolu_1", "name": "get_time", "input": {"zone": "UTC"}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "no such zone", "is_error": True}
    assert server.posts[0].json["messages"] == [
        {"role": "user", "content": "what time is it"},
        {"role": "assistant", "content": [{"type": "text", "text": "Let me see."}, use]},
        {"role": "user", "content": [result]},
    ]


@pytest.mark.parametrize("words", [["Let me see."], []], ids=["words", "no words"])
async def test_thoughts_go_back_unchanged_with_the_calls_that_they_led_to(
    server: AnthropicServer, words: list[str]
) -> None:
    server.words, server.then = words, ["Five past two."]
    server.thought, server.redacted = "Hm, the time.", "cmVk"
    server.tools = [("toolu_1", "now", "{}"), ("toolu_2", "get_time", '{"zone": "UTC"}')]
    async with anthropic.chat_model({"base_url": server.url, "api_key": KEY, "thinking": "default"}) as model:
        deltas = [delta async for delta in model.reply(MESSAGES, TOOLS)]
        calls = [delta for delta in deltas if isinstance(delta, ToolCall)]
        made = Message("assistant", (*map(Text, words), *calls))
        back = Message("user", tuple(ToolResult(call.id, call.name, "14:05") for call in calls))
        assert [delta async for delta in model.reply([*MESSAGES, made, back], TOOLS)]
    content = server.posts[1].json["messages"][1]["content"]
    thoughts = [
        {"type": "thinking", "thinking": "Hm, the time.", "signature": "c2ln"},
        *({"type": "text", "text": word} for word in words),
        {"type": "redacted_thinking", "data": "cmVk"},
    ]
    assert content[:-2] == thoughts, "in the order in which they came"
    assert [block["name"] for block in content[-2:]] == ["now", "get_time"]


async def test_another_providers_call_is_told_without_what_was_its_own(server: AnthropicServer) -> None:
    """Its ids may hold what this API refuses, or come twice."""
    call = ToolCall("functions.get_time:0", "get_time", {}, opaque=("gemini", b"signature"))
    messages = [*answered(call), Message("assistant", (Text("Two."),)), Message("user", (Text("and now"),))]
    again = [*messages, *answered(call, text="")[2:]]
    async with anthropic.chat_model({"base_url": server.url, "api_key": KEY}) as model:
        assert [delta async for delta in model.reply(again, TOOLS)]
    blocks = [b for m in server.posts[0].json["messages"] if isinstance(m["content"], list) for b in m["content"]]
    assert [block["id"] for block in blocks if block["type"] == "tool_use"] == [
        "functions_get_time_0",
        "functions_get_time_0_2",
    ]
    assert "signature" not in server.posts[0].body.decode()


async def test_asked_without_tools_it_calls_none_though_some_were_called(server: AnthropicServer) -> None:
    """The API wants to know of every tool that the messages name."""
    server.tools, server.then = [("toolu_2", "get_time", "{}")], ["Five past two."]
    async with anthropic.chat_model({"base_url": server.url, "api_key": KEY}) as model:
        deltas = [delta async for delta in model.reply(answered(ToolCall("toolu_1", "get_time")))]
    assert pieces(deltas) == ["Five past two."]
    body = server.posts[0].json
    assert (body["tools"], body["tool_choice"]) == (
        [{"name": "get_time", "input_schema": {"type": "object"}}],
        {"type": "none"},
    )


async def test_a_tool_call_that_max_tokens_cut_says_so(server: AnthropicServer) -> None:
    server.words, server.tools = [], [("toolu_1", "get_time", '{"zone":')]
    server.ending = {"stop_reason": "max_tokens", "stop_sequence": None, "stop_details": None}
    async with anthropic.chat_model({"base_url": server.url, "api_key": KEY}) as model:
        with pytest.raises(ProviderError, match="in the middle of a tool call; raise max_tokens"):
            [delta async for delta in model.reply(MESSAGES, TOOLS)]


# --- what it costs ----------------------------------------------------------------------------------------------------


def used(deltas: list[Delta]) -> Usage:
    [usage] = [delta for delta in deltas if isinstance(delta, Usage)]
    return usage


async def test_a_turn_reads_from_the_cache_what_the_one_before_wrote(server: AnthropicServer) -> None:
    """A call's result is a turn of its own to the cache."""
    call = ToolCall("toolu_1", "get_time")
    conversation = [*answered(call), Message("assistant", (Text("Two."),)), Message("user", (Text("thank you"),))]
    async with anthropic.chat_model({"base_url": server.url, "api_key": KEY}) as model:
        usages = [used([delta async for delta in model.reply(conversation[:length], TOOLS)]) for length in (2, 4, 6)]
    first, second, third = usages
    assert (first.cached_tokens, first.input_tokens) == (0, 0)
    assert second.cached_tokens == first.cache_write_tokens > 0
    assert third.cached_tokens == second.cached_tokens + second.cache_write_tokens
    assert {usage.output_tokens for usage in usages} == {42}


async def test_the_tools_and_the_system_text_are_read_from_the_cache_when_the_oldest_turns_are_left_out(
    server: AnthropicServer,
) -> None:
    async with anthropic.chat_model({"base_url": server.url, "api_key": KEY}) as model:
        [delta async for delta in model.reply(MESSAGES, TOOLS)]
        later = [MESSAGES[0], Message("user", (Text("and in Paris"),))]
        usage = used([delta async for delta in model.reply(later, TOOLS)])
        without_system = used([delta async for delta in model.reply(later[1:], TOOLS)])
        again = used([delta async for delta in model.reply(MESSAGES[1:], TOOLS)])
    assert usage.cached_tokens > usage.cache_write_tokens > 0
    assert (without_system.cached_tokens, again.cached_tokens > 0) == (0, True), "the tools alone are a prefix too"


async def test_what_an_answer_of_silence_has_used_is_told_before_it_fails(server: AnthropicServer) -> None:
    server.words = []
    got: list[Delta] = []
    async with anthropic.chat_model({"base_url": server.url, "api_key": KEY}) as model:
        with pytest.raises(ProviderError, match="empty"):
            async for delta in model.reply(MESSAGES):
                got.append(delta)  # noqa: PERF401 - what came before the error matters
    assert used(got).output_tokens == 42


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
