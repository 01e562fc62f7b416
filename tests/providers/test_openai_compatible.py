"""Servers that nearly speak OpenAI's protocol, with all the ways in which they do not."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import openai as sdk
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.conversation.events import Sureness
from assistant.ports import (
    FRAME,
    Frame,
    Message,
    ParleyError,
    ProviderError,
    ProviderUnavailable,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)
from providers import openai_compatible as compatible
from providers._http import address
from providers._think import ThinkFilter
from providers._wav import PcmReader, wav
from tests.providers.chat import MESSAGES, text
from tests.servers.compatible import RATE, SOUND, CompatibleServer, Quirk
from tests.servers.openai import HEARD, TEXT

pytestmark = pytest.mark.anyio


@pytest.fixture
async def server() -> AsyncIterator[CompatibleServer]:
    async with CompatibleServer() as server:
        yield server  # type: ignore[misc]


TOOLS = [Tool("get_time", "The time.", {"type": "object", "properties": {"zone": {"type": "string"}}})]
CALLED = ToolCall("call_7", "get_time", {"zone": "Köln"})
RESULT = Message("user", (ToolResult("call_7", "get_time", "14:05"),))


async def reply(
    server: CompatibleServer, messages: list[Message] = MESSAGES, tools: list[Tool] | None = None, **options: Any
) -> list[Any]:
    async with compatible.chat_model({"base_url": server.url, "model": "m", **options}) as model:
        return [delta async for delta in (model.reply(messages) if tools is None else model.reply(messages, tools))]


async def test_the_server_is_faithful_to_the_sdks_eyes(server: CompatibleServer) -> None:
    async with sdk.AsyncOpenAI(api_key="none", base_url=server.url, max_retries=0) as client:
        asked: Any = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}
        chunks = [chunk async for chunk in await client.chat.completions.create(**asked)]
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT
        assert chunks[0].choices[0].delta.role == "assistant"
        assert chunks[-1].choices[0].finish_reason == "stop"
        assert len((await client.models.list()).data) == 3
        speech = await client.audio.speech.create(model="m", voice="v", input="hi", response_format="pcm")
        assert speech.content == SOUND.tobytes()


# --- text -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "quirks",
    [
        {"no_role"}, {"null_content"}, {"usage_chunk"}, {"no_done"}, {"no_finish"}, {"reasoning"},
        {"reasoning_content"}, {"think"}, {"whole"},
        {"no_role", "null_content", "no_done", "no_finish", "reasoning_content", "think"},
    ],
    ids=lambda quirks: "+".join(sorted(quirks)),
)  # fmt: skip
async def test_quirks_are_put_up_with(server: CompatibleServer, quirks: set[Quirk]) -> None:
    server.quirks = quirks
    assert text(await reply(server)) == TEXT


@pytest.mark.parametrize(
    "quirks",
    [set(), {"object_arguments"}, {"no_tool_id"}, {"no_tool_index"}, {"whole", "object_arguments"}],
    ids=lambda quirks: "+".join(sorted(quirks)) or "none",
)
async def test_tool_calls_come_whole(server: CompatibleServer, quirks: set[Quirk]) -> None:
    server.tool = ("call_7", "get_time", {"zone": "Europe/Paris", "deep": {"er": [1, {"est": 2}]}})
    server.quirks = quirks
    deltas = await reply(server, tools=TOOLS)
    assert text(deltas) == TEXT
    id = "call_0" if "no_tool_id" in quirks else "call_7"
    expected = ToolCall(id, "get_time", {"zone": "Europe/Paris", "deep": {"er": [1, {"est": 2}]}})
    assert [delta for delta in deltas if isinstance(delta, ToolCall)] == [expected]
    [tool] = server.posts[0].json["tools"]
    assert tool == {
        "type": "function",
        "function": {"name": "get_time", "description": "The time.", "parameters": dict(TOOLS[0].parameters)},
    }


async def test_results_go_back(server: CompatibleServer) -> None:
    server.tool, server.then = ("call_8", "get_time", {}), ["Five past two."]
    made = Message("assistant", (Text("Let me see."), CALLED))
    assert text(await reply(server, [*MESSAGES, made, RESULT], TOOLS)) == "Five past two."
    function = {"name": "get_time", "arguments": '{"zone": "Köln"}'}
    assert server.posts[0].json["messages"][2:] == [
        {
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [{"id": "call_7", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "call_7", "content": "14:05"},
    ]


async def test_a_signature_goes_back_with_its_call(server: CompatibleServer) -> None:
    """Google's server refuses its own models' calls without it."""
    server.tool, server.quirks = ("call_7", "get_time", {}), {"signature"}
    [call] = [delta for delta in await reply(server, tools=TOOLS) if isinstance(delta, ToolCall)]
    await reply(server, [*MESSAGES, Message("assistant", (call,)), RESULT], TOOLS)
    [sent] = server.posts[1].json["messages"][2]["tool_calls"]
    assert sent["extra_content"] == {"google": {"thought_signature": "c2ln"}}


@pytest.mark.parametrize("also", [set(), {"rejects_usage"}], ids=["", "nor the counting"])
async def test_a_server_that_takes_no_tools_answers_without_them(
    server: CompatibleServer, also: set[Quirk], caplog: pytest.LogCaptureFixture
) -> None:
    """It is asked in vain once, and told of results in words."""
    server.quirks = {"rejects_tools", *also}
    async with compatible.chat_model({"base_url": server.url, "model": "m"}) as model:
        assert text([delta async for delta in model.reply(MESSAGES, TOOLS)]) == TEXT
        asked = len(server.posts)
        results = [*MESSAGES, Message("assistant", (CALLED,)), RESULT]
        assert text([delta async for delta in model.reply(results, TOOLS)]) == TEXT
    assert asked == 2 + len(also)
    assert len(server.posts) == asked + 1
    told = server.posts[-1].json["messages"][-1]
    assert told["role"] == "user"
    assert "get_time was called, and gave: 14:05" in told["content"]
    [warning] = [record.message for record in caplog.records if record.name == "parley"]
    assert warning == "openai-compatible takes no tools here, so m answers without them"


@pytest.mark.parametrize("quirk", ["no_usage", "rejects_usage"])
async def test_a_server_need_not_count_what_was_used(server: CompatibleServer, quirk: Quirk) -> None:
    server.quirks = {quirk}
    async with compatible.chat_model({"base_url": server.url, "model": "m"}) as model:
        for _ in range(3):
            deltas = [delta async for delta in model.reply(MESSAGES)]
            assert text(deltas) == TEXT
            assert not any(isinstance(delta, Usage) for delta in deltas)
    assert len(server.posts) == (4 if quirk == "rejects_usage" else 3), "it is asked in vain once"


@pytest.mark.parametrize("quirk", [None, "usage_always", "whole"])
async def test_what_it_has_used(server: CompatibleServer, quirk: Quirk | None) -> None:
    server.quirks = {quirk} if quirk else set()
    deltas = await reply(server)
    assert [delta for delta in deltas if isinstance(delta, Usage)] == [Usage(36, 64, 0, 9)]
    assert deltas[-1] == Usage(36, 64, 0, 9), "once, at the end"


async def test_an_invalid_request_is_told_as_it_is(server: CompatibleServer) -> None:
    """Nothing that one can do without was to blame."""
    broken = [*MESSAGES, Message("assistant", (CALLED,)), Message("user", (Text("and now"),))]
    async with compatible.chat_model({"base_url": server.url, "model": "m"}) as model:
        with pytest.raises(ProviderError, match="called the request invalid .400.: no result for the call call_7"):
            [delta async for delta in model.reply(broken, TOOLS)]
        [delta async for delta in model.reply(MESSAGES, TOOLS)]
    assert {"tools", "stream_options"} <= set(server.posts[-1].json), "they are asked for as before"


async def test_what_it_asks_for(server: CompatibleServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openais-own")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-private")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-private")
    await reply(server, effort="none", extra={"cache_prompt": True})
    [request] = server.posts
    assert request.json == {
        "model": "m",
        "stream": True,
        "max_tokens": 400,
        "reasoning_effort": "none",
        "cache_prompt": True,
        "stream_options": {"include_usage": True},
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "what time is it"}],
    }
    everything = json.dumps([[r.headers, r.body.decode()] for r in server.requests])
    for secret in ("sk-openais-own", "org-private", "proj-private"):
        assert secret not in everything, "that is OpenAI's, and no business of another server"


async def test_a_key_of_its_own_is_sent(server: CompatibleServer) -> None:
    await reply(server, api_key="gsk_mine")
    assert server.posts[0].headers["authorization"] == "Bearer gsk_mine"


async def test_without_a_model_it_takes_the_first_that_chats(server: CompatibleServer) -> None:
    await reply(server, model="")
    assert server.posts[0].json["model"] == "qwen3:8b"
    server.models = []
    with pytest.raises(ProviderError, match="lists no model: load one there, or set model"):
        await reply(server, model="")


async def test_a_reply_of_thoughts_alone_is_a_failure(server: CompatibleServer) -> None:
    server.words, server.quirks = [], {"think", "reasoning"}
    with pytest.raises(ProviderError, match="gave an empty reply"):
        await reply(server)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/v1"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
        ("localhost:11434/v1", "http://localhost:11434/v1"),
        ("http://127.0.0.1:11434/v1", "http://127.0.0.1:11434/v1"),
        ("http://127.0.0.1:11434/v1/chat/completions", "http://127.0.0.1:11434/v1"),
        ("https://api.groq.com/openai/v1/", "https://api.groq.com/openai/v1"),
        ("http://[::1]:8000", "http://[::1]:8000/v1"),
    ],
)
def test_base_urls_people_write(given: str, meant: str) -> None:
    assert address(given, "x") == meant


@pytest.mark.parametrize("given", ["notaurl", "notaurl/v1", "ftp://x", "http://"])
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(ParleyError, match="base_url is not an address; write one such as http://127.0.0.1:11434/v1"):
        address(given, "x")


@pytest.mark.parametrize("given", ["ollama:11434", "http://ollama", "localhost", "[::1]"])
def test_a_lone_word_is_a_machine_where_something_says_so(given: str) -> None:
    assert address(given, "x") == f"http://{given.removeprefix('http://')}/v1"


async def test_without_a_base_url_it_cannot_be_opened_and_says_where_to_write_one() -> None:
    for stage, factory, port in (
        ("llm", compatible.chat_model, 11434),
        ("stt", compatible.transcriber, 8000),
        ("tts", compatible.synthesizer, 8000),
    ):
        where = rf"set base_url under \[{stage}.options\] in parley.toml, such as http://127.0.0.1:{port}/v1"
        with pytest.raises(ProviderUnavailable, match=where):
            async with factory({}):
                pass


@given(st.lists(st.integers(1, 9), min_size=1), st.sampled_from(["think", "thinking"]))
def test_thoughts_are_taken_out_wherever_the_stream_is_cut(sizes: list[int], tag: str) -> None:
    whole = f"\n<{tag}>a < b, </b>\n\n and <so> on</{tag}>\n\nIt is < 4 <b>o'clock</b>. <{tag}>Done?</{tag}> Yes <thin"
    said, at, filter = "", 0, ThinkFilter()
    while at < len(whole):
        for size in sizes:
            said += filter.feed(whole[at : at + size])
            at += size
    assert said + filter.end() == "It is < 4 <b>o'clock</b>. Yes <thin"


def test_a_thought_that_never_ends_is_never_said() -> None:
    filter = ThinkFilter()
    assert filter.feed("Well. <think>hm, hm") + filter.feed("hm </thi") + filter.end() == "Well. "


def test_what_is_surely_no_tag_is_said_at_once() -> None:
    filter = ThinkFilter()
    assert [filter.feed(piece) for piece in ("a <", "b", " c")] == ["a ", "<b", " c"]


# --- hearing ----------------------------------------------------------------------------------------------------------


async def transcript(server: CompatibleServer, **options: Any) -> Any:
    opened = compatible.transcriber({"base_url": server.url, **options})
    async with opened as transcriber, transcriber.stream() as stream:
        stream.push(Frame(np.full(FRAME, 0.3, np.float32), 32_000))
        stream.finish()
        return await anext(aiter(stream))


@pytest.mark.parametrize("quirk", [None, "plain_text"])
async def test_speech_is_recognised(server: CompatibleServer, quirk: Quirk | None) -> None:
    server.quirks = {quirk} if quirk else set()
    heard = await transcript(server, model="whisper-large-v3-turbo", language="en")
    assert (heard.text, heard.final) == (HEARD, True)
    form = server.posts[0].form
    assert (form["model"], form["language"]) == ([b"whisper-large-v3-turbo"], [b"en"])
    assert form["file"][0][:4] == b"RIFF"


async def test_word_times_are_on_the_audio_clock(server: CompatibleServer) -> None:
    heard = await transcript(server, words=True)
    assert [(word.text, word.start) for word in heard.words] == [
        (word, 2.0 + index / 4) for index, word in enumerate(HEARD.split())
    ]


async def test_how_sure_a_whisper_behind_the_server_is(server: CompatibleServer) -> None:
    """Where it tells; a server that leaves half of it out is no worse than one that tells nothing."""
    server.segments = [
        {"id": 0, "text": " Hello.", "avg_logprob": -0.2, "no_speech_prob": 0.1},
        {"id": 1, "text": " No.", "avg_logprob": -1.3, "no_speech_prob": 0.8},
        {"id": 2, "text": " Oh.", "avg_logprob": None},
    ]
    heard = await transcript(server, words=True)
    assert heard.sureness == Sureness(pytest.approx((7 * -0.2 + 4 * -1.3) / 11), 0.1)
    server.segments = []
    assert (await transcript(server, words=True)).sureness is None
    assert (await transcript(server)).sureness is None


# --- speaking ---------------------------------------------------------------------------------------------------------


async def spoken(server: CompatibleServer, **options: Any) -> np.ndarray[Any, Any]:
    async with compatible.synthesizer({"base_url": server.url, **options}) as voice:
        assert voice.rate == options.get("rate", RATE)
        return np.concatenate([chunk.samples async for chunk in voice.speak("Hello.")])


@pytest.mark.parametrize(
    "quirks", [set(), {"odd_bytes"}, {"wav"}, {"wav", "odd_bytes"}], ids=lambda quirks: "+".join(sorted(quirks))
)
async def test_speech_is_what_the_server_sent(server: CompatibleServer, quirks: set[Quirk]) -> None:
    server.quirks = quirks
    assert np.array_equal(await spoken(server), SOUND.astype(np.float32) / 32768)


async def test_what_it_asks_to_be_said(server: CompatibleServer) -> None:
    await spoken(server, model="kokoro", voice="af_sky", speed=1.25)
    assert server.posts[0].json == {
        "model": "kokoro", "voice": "af_sky", "input": "Hello.", "response_format": "pcm", "speed": 1.25,
    }  # fmt: skip


async def test_sound_at_another_rate_says_which_option_to_set(server: CompatibleServer) -> None:
    server.quirks = {"wav"}
    with pytest.raises(ProviderError, match="sent sound at 24000 Hz, not 22050; set the option rate = 24000"):
        await spoken(server, rate=22_050)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"ID3\x04" + bytes(100), "compressed"),
        (b"OggS" + bytes(100), "compressed"),
        (b"RIFF" + bytes(5000), "without sound"),
    ],
)
def test_what_is_no_pcm_is_not_played(data: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        PcmReader(RATE).feed(data)


@given(st.lists(st.integers(1, 50), min_size=1), st.booleans())
def test_pcm_may_be_cut_anywhere(sizes: list[int], header: bool) -> None:
    samples = np.linspace(-1, 1, 200, dtype=np.float32)
    data = wav(samples, RATE)[0 if header else 44 :]
    got, at, reader = [], 0, PcmReader(RATE)
    while at < len(data):
        for size in sizes:
            got.append(reader.feed(data[at : at + size]))
            at += size
    assert np.abs(np.concatenate(got) - samples).max() < 1e-4
