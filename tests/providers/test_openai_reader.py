"""OpenAI's reading voice: what goes over the wire, and what becomes of words that it was not given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import anyio
import numpy as np
import openai as sdk
import pytest
from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from pydantic import TypeAdapter

from assistant.ports import Adjustable, ProviderError, SpeechChunk, Usage
from providers import openai_reader
from providers._errors import Refusal
from tests.servers.openai_realtime import OpenAIRealtimeServer
from tests.servers.websocket import Line

pytestmark = pytest.mark.anyio
KEY = "sk-live-0123456789-secret"
TEXT = "The weather is fine today, and it stays so until Sunday."
USED = Usage(input_tokens=56, cached_tokens=64, output_tokens=20, audio_output_tokens=50)


@pytest.fixture
async def server() -> AsyncIterator[OpenAIRealtimeServer]:
    async with OpenAIRealtimeServer() as server:
        yield server


def options(server: OpenAIRealtimeServer, **more: Any) -> dict[str, Any]:
    return {"base_url": server.url, "api_key": KEY, **more}


async def spoken(voice: Any, text: str = TEXT) -> list[SpeechChunk]:
    with anyio.fail_after(5):
        return [chunk async for chunk in voice.speak(text)]


def whole(chunks: list[SpeechChunk], server: OpenAIRealtimeServer) -> bool:
    return np.array_equal(np.concatenate([chunk.samples for chunk in chunks]), server.sound.astype(np.float32) / 32768)


def received(server: OpenAIRealtimeServer, kind: str) -> list[Any]:
    return [message for line in server.lines for message in line.received if message["type"] == kind]


# --- the server and the vendor's own SDK ---


async def test_the_server_is_faithful_to_the_sdks_eyes(server: OpenAIRealtimeServer) -> None:
    client = sdk.AsyncOpenAI(api_key=KEY, base_url=f"{server.url.replace('ws:', 'http:')}/v1", max_retries=0)
    asked: Any = {
        "conversation": "none", "metadata": {"sid": "7"}, "max_output_tokens": 100,
        "audio": {"output": {"voice": "marin", "format": {"type": "audio/pcm", "rate": 24_000}}},
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Read:\n\nHi you."}]}],
    }  # fmt: skip
    kinds: list[str] = []
    async with client.realtime.connect(model="gpt-realtime-2.1-mini") as connection:
        await connection.response.create(response=asked)
        async for event in connection:
            kinds.append(event.type)
            if event.type == "response.done":
                break
        assert event.response.status == "completed" and event.response.metadata == {"sid": "7"}
        assert event.response.output[0].content[0].transcript == "Hi you."
        assert event.response.usage.output_token_details.audio_tokens == 50
        await connection.response.cancel(response_id="resp_0")
        while event.type != "error":
            event = await connection.recv()
        assert event.error.code == "response_cancel_not_active"
    await client.close()
    assert kinds[:4] == [
        "session.created", "response.created", "response.output_item.added", "response.content_part.added",
    ]  # fmt: skip
    assert kinds.index("response.output_audio_transcript.delta") < kinds.index("response.output_audio.delta")
    for sent in server.sent_events:
        TypeAdapter(RealtimeServerEvent).validate_python(sent)


# --- speaking ---


async def test_each_text_is_a_response_of_its_own_on_one_connection(server: OpenAIRealtimeServer) -> None:
    async with openai_reader.synthesizer(options(server, voice="cedar", speed=3.0, manner="Warmly.")) as voice:
        for text in (TEXT, "Yes.", "It is four o'clock."):
            chunks = await spoken(voice, text)
            assert whole(chunks, server)
            assert [chunk.usage for chunk in chunks if chunk.usage] == [USED]
            assert not any(chunk.said for chunk in chunks)
        assert server.connections == 1
        assert server.asked_to_read == [TEXT, "Yes.", "It is four o'clock."]
        assert server.query == {"model": ["gpt-realtime-2.1-mini"]}
        assert server.lines[0].headers["Authorization"] == f"Bearer {KEY}"
        [update] = received(server, "session.update")
        audio = update["session"]["audio"]
        assert audio["input"] == {"turn_detection": None}
        assert audio["output"] == {"voice": "cedar", "format": {"type": "audio/pcm", "rate": 24_000}, "speed": 1.5}
        response = received(server, "response.create")[0]["response"]
        assert (response["conversation"], response["output_modalities"]) == ("none", ["audio"])
        assert response["reasoning"] == {"effort": "minimal"} and response["audio"]["output"]["voice"] == "cedar"
        assert "Speak exactly that text" in response["instructions"] and "Warmly." in response["instructions"]
        assert len(TEXT) < response["max_output_tokens"] < 4096
        for message in server.lines[0].received:
            TypeAdapter(RealtimeClientEvent).validate_python(message)


async def test_sound_is_heard_as_soon_as_it_is_clear_what_is_said(server: OpenAIRealtimeServer) -> None:
    server.hold = asyncio.Event()
    async with openai_reader.synthesizer(options(server)) as voice, aclosing(voice.speak(TEXT)) as chunks:
        with anyio.fail_after(2):
            first = await anext(chunks)
        server.hold.set()
        rest = [chunk async for chunk in chunks]
    assert len(first.samples) == 4800, "which takes six words, and they are there with the second piece"
    assert whole([first, *rest], server)


async def test_sound_whose_transcript_does_not_come_is_held_back_for_a_moment_only(
    server: OpenAIRealtimeServer,
) -> None:
    server.tail = 99
    server.hold = asyncio.Event()
    async with openai_reader.synthesizer(options(server)) as voice, aclosing(voice.speak(TEXT)) as chunks:
        with anyio.fail_after(2):
            first = await anext(chunks)
        server.hold.set()
        rest = [chunk async for chunk in chunks]
    assert len(first.samples) == openai_reader.HOLD * 24_000 and whole([first, *rest], server)


async def test_its_speed_can_be_changed_between_texts(server: OpenAIRealtimeServer) -> None:
    async with openai_reader.synthesizer(options(server)) as voice:
        assert isinstance(voice, Adjustable) and voice.abilities.adjusts_speed
        for factor in (1.0, 1.25, 1.25, 9.0, 1.0):
            voice.set_speed(factor)
            await spoken(voice)
        speeds = [update["session"]["audio"]["output"]["speed"] for update in received(server, "session.update")]
        assert speeds == [1.0, 1.25, 1.5, 1.0]
    assert not [event for event in server.sent_events if event["type"] == "error"]


async def test_a_custom_voice_is_named_by_its_id(server: OpenAIRealtimeServer) -> None:
    async with openai_reader.synthesizer(options(server, voice="voice_1234", effort="")) as voice:
        await spoken(voice)
        response = received(server, "response.create")[0]["response"]
    assert response["audio"]["output"]["voice"] == {"id": "voice_1234"}
    assert "reasoning" not in response


async def test_what_is_late_of_a_cancelled_text_is_not_heard_in_the_next(server: OpenAIRealtimeServer) -> None:
    async with openai_reader.synthesizer(options(server)) as voice:
        for _ in range(2):
            server.hold = asyncio.Event()
            async with aclosing(voice.speak("Nobody at all wants to hear any of this.")) as chunks:  # type: ignore[type-var]
                await anext(chunks)
            server.hold = None
            assert whole(await spoken(voice), server)
        assert server.connections == 1, "the connection is used again"
        assert [event["response_id"].startswith("resp_") for event in received(server, "response.cancel")] == [True] * 2


async def test_a_response_that_cannot_be_named_yet_is_cancelled_with_its_connection(
    server: OpenAIRealtimeServer,
) -> None:
    class Slow(OpenAIRealtimeServer):
        async def _respond(self, line: Line, name: str, asked: Any) -> None:
            await line._until_gone()

    async with Slow() as slow, openai_reader.synthesizer(options(slow)) as voice:
        with anyio.move_on_after(0.1):
            await spoken(voice)
        with anyio.fail_after(2):
            await slow.disconnected.wait()
        assert received(slow, "response.cancel") == []


async def test_a_text_with_nothing_to_say_asks_for_nothing(server: OpenAIRealtimeServer) -> None:
    async with openai_reader.synthesizer(options(server)) as voice:
        assert await spoken(voice, "…") == []
    assert server.asked_to_read == []


# --- other words than it was given ---


async def test_a_wrong_beginning_is_not_heard_and_asked_for_once_more(
    server: OpenAIRealtimeServer, caplog: Any
) -> None:
    server.says = ["Sure! I am happy to read that for you."]
    async with openai_reader.synthesizer(options(server)) as voice:
        chunks = await spoken(voice)
        assert whole(chunks, server), "of the first try nothing was heard"
        assert not any(chunk.said for chunk in chunks)
        assert server.connections == 1 and len(received(server, "response.cancel")) == 1
    [warning] = [record.getMessage() for record in caplog.records if record.name == "parley"]
    assert "was to say" in warning and "asked once more" in warning


async def test_a_voice_that_begins_wrongly_twice_fails_so_that_another_speaks(server: OpenAIRealtimeServer) -> None:
    server.says = ["Sure! I am happy to read that for you."] * 2
    async with openai_reader.synthesizer(options(server)) as voice:
        with pytest.raises(Refusal, match='openai was to say "The weather is fine') as caught:
            await spoken(voice)
        assert caught.value.provider == "openai"
        assert whole(await spoken(voice), server), "the voice is well"
    assert server.connections == 1


async def test_a_short_answer_in_place_of_the_text_is_not_heard(server: OpenAIRealtimeServer) -> None:
    """It is over before there were words enough to judge by."""
    server.says = ["No."]
    server.tail = 1
    server.sound = server.sound[:2400]
    async with openai_reader.synthesizer(options(server)) as voice:
        assert whole(await spoken(voice), server)
    assert server.asked_to_read == [TEXT] * 2


async def test_what_was_said_beyond_the_text_is_told_once_and_kept(server: OpenAIRealtimeServer, caplog: Any) -> None:
    said = f"{TEXT} Is there anything else?"
    server.says = [said]
    async with openai_reader.synthesizer(options(server)) as voice:
        chunks = await spoken(voice)
        assert whole(chunks, server), "what has been heard cannot be taken back"
        assert [chunk.said for chunk in chunks if chunk.said] == [said] and chunks[-1].said == said
        await spoken(voice)
    [warning] = [record.getMessage() for record in caplog.records if record.name == "parley"]
    assert warning.startswith("openai was to say") and " and said " in warning


async def test_words_that_are_only_written_otherwise_are_the_same(server: OpenAIRealtimeServer, caplog: Any) -> None:
    server.says = ["I am sure that it is twenty-one degrees, Doctor Smith."]
    async with openai_reader.synthesizer(options(server)) as voice:
        chunks = await spoken(voice, "I'm sure that it's 21 degrees, Dr. Smith.")
    assert not any(chunk.said for chunk in chunks) and not caplog.records


async def test_a_warning_shows_no_key(server: OpenAIRealtimeServer, caplog: Any) -> None:
    server.says = [f"My key is {KEY}, and that is all I say."]
    async with openai_reader.synthesizer(options(server)) as voice:
        await spoken(voice)
    assert caplog.records and KEY not in caplog.text


# --- what goes wrong ---


@pytest.mark.parametrize(
    ("ending", "kind", "sentence"),
    [
        (("incomplete", {"type": "incomplete", "reason": "content_filter"}), Refusal, "withheld its speech"),
        (("incomplete", {"type": "incomplete", "reason": "max_output_tokens"}), ProviderError, "broke off"),
        (("cancelled", {"type": "cancelled", "reason": "turn_detected"}), ProviderError, "broke off .turn_detected"),
        (
            ("failed", {"type": "failed", "error": {"type": "server_error", "code": "insufficient_quota"}}),
            ProviderError,
            "sent an error .insufficient_quota",
        ),
    ],
)
async def test_a_response_that_does_not_end_well_is_an_error(
    server: OpenAIRealtimeServer, ending: Any, kind: type[Exception], sentence: str
) -> None:
    server.ending = ending
    async with openai_reader.synthesizer(options(server)) as voice:
        with pytest.raises(kind, match=sentence):
            await spoken(voice)


async def test_an_error_of_something_before_is_no_error_of_this_text(server: OpenAIRealtimeServer) -> None:
    class Grumbling(OpenAIRealtimeServer):
        async def _respond(self, line: Line, name: str, asked: Any) -> None:
            await self._refuse(
                line, {"event_id": "parley_0_cancel"}, "response_cancel_not_active", "Nothing to cancel."
            )
            await super()._respond(line, name, asked)

    async with Grumbling() as grumbling, openai_reader.synthesizer(options(grumbling)) as voice:
        assert whole(await spoken(voice), grumbling)


async def test_an_error_of_this_text_is_one(server: OpenAIRealtimeServer) -> None:
    class Refusing(OpenAIRealtimeServer):
        async def _respond(self, line: Line, name: str, asked: Any) -> None:
            await self._refuse(line, line.received[-1], "invalid_value", "Invalid voice.")
            await line.receive()

    async with Refusing() as refusing, openai_reader.synthesizer(options(refusing)) as voice:
        with pytest.raises(ProviderError, match="openai sent an error: Invalid voice."):
            await spoken(voice)
