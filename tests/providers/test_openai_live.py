"""OpenAI's live recognition through Parley's own words, on a server whose events its SDK reads."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import anyio
import numpy as np
import openai as sdk
import pytest
from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from pydantic import TypeAdapter

from assistant.ports import Frame, ParleyError, ProviderError
from providers import openai, openai_live
from providers._batch import BatchTranscriber
from tests.providers.live import WAVE, heard, say_and_pause
from tests.servers.openai import HEARD, OpenAIServer
from tests.servers.openai_realtime import OpenAIRealtimeServer
from tests.servers.websocket import Line

pytestmark = pytest.mark.anyio
KEY = "sk-live-0123456789-secret"


@pytest.fixture
async def server() -> AsyncIterator[OpenAIRealtimeServer]:
    async with OpenAIRealtimeServer() as server:
        yield server


def options(server: OpenAIRealtimeServer, **more: Any) -> dict[str, Any]:
    return {"base_url": server.url, "api_key": KEY, "model": "gpt-live-transcribe", **more}


def session(server: OpenAIRealtimeServer) -> dict[str, Any]:
    """What the session under way was told, as the server took it."""
    return next(e["session"] for e in reversed(server.sent_events) if e["type"] == "session.updated")


# --- the server and the vendor's own SDK ---


async def test_the_server_is_faithful_to_the_sdks_eyes(server: OpenAIRealtimeServer) -> None:
    client = sdk.AsyncOpenAI(api_key=KEY, base_url=f"{server.url.replace('ws:', 'http:')}/v1", max_retries=0)
    sound = base64.b64encode((np.sin(np.arange(14_400) * 0.1) * 9000).astype("<i2").tobytes()).decode()
    async with client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
        assert (await connection.recv()).type == "session.created"
        heard = {"transcription": {"model": "gpt-live-transcribe"}, "turn_detection": None}
        await connection.session.update(session={"type": "transcription", "audio": {"input": heard}})  # type: ignore
        assert (await connection.recv()).type == "session.updated"
        await connection.input_audio_buffer.append(audio=sound)
        deltas = [await connection.recv() for _ in range(2)]
        assert "".join(event.delta for event in deltas) == "what time"
        await connection.input_audio_buffer.commit()
        committed, added, completed = [await connection.recv() for _ in range(3)]
        assert committed.item_id == added.item.id == completed.item_id == deltas[0].item_id
        assert (completed.transcript, completed.languages[0].code, completed.usage.seconds) == (HEARD, "en", 0.6)
        await connection.input_audio_buffer.commit()
        error = await connection.recv()
        assert (error.type, error.error.code) == ("error", "input_audio_buffer_commit_empty")
    await client.close()
    for event in server.sent_events:
        TypeAdapter(RealtimeServerEvent).validate_python(event)


# --- which model is live ---


async def test_the_model_says_which_api_it_is_served_on(server: OpenAIRealtimeServer) -> None:
    async with OpenAIServer() as http, openai.transcriber({"base_url": http.url, "api_key": KEY}) as ears:
        assert isinstance(ears, BatchTranscriber)
    for model in openai_live.MODELS:
        async with openai.transcriber(options(server, model=model)) as ears:
            assert not isinstance(ears, BatchTranscriber) and ears.abilities.partials


# --- hearing ---


async def test_it_hears_while_the_user_speaks_and_finishes_when_told(server: OpenAIRealtimeServer) -> None:
    asked = options(server, languages=["en-GB", "de"], keywords=["Parley"], prompt="A chat.", delay="low",
                    noise_reduction="near_field")  # fmt: skip
    async with openai.transcriber(asked) as ears, ears.stream() as stream:
        say_and_pause(stream)
        *partials, final = await heard(stream, 1)
        [line] = [line for line in server.lines if line.received]
        assert [each.text for each in partials] == ["what", "what time"] and not any(each.final for each in partials)
        assert (final.text, final.language, final.end_of_turn) == (HEARD, "en", False)
        assert final.until == pytest.approx(1.64, abs=0.04), "all that was sent before the pause"
        assert line.handshake is not None and line.handshake.path == "/v1/realtime?intent=transcription", "and no model"
        assert line.headers["Authorization"] == f"Bearer {KEY}"
        assert line.received[0]["type"] == "session.update", "before the sound"
        assert session(server)["audio"]["input"] == {
            "format": {"type": "audio/pcm", "rate": 24_000},
            "transcription": {
                "model": "gpt-live-transcribe", "languages": ["en", "de"], "keywords": ["Parley"], "prompt": "A chat.",
                "delay": "low",
            },
            "turn_detection": None,
            "noise_reduction": {"type": "near_field"},
        }  # fmt: skip
        for message in line.received:
            TypeAdapter(RealtimeClientEvent).validate_python(message)
        sent = sum(len(base64.b64decode(each["audio"])) for each in line.received if "audio" in each)
        assert sent / 2 / 24_000 == pytest.approx(0.64, abs=0.04), "save what the resampler keeps"


async def test_stretches_that_are_completed_out_of_order_are_in_order(server: OpenAIRealtimeServer) -> None:
    server.disorder = True
    async with openai.transcriber(options(server)) as ears, ears.stream() as stream:
        for _ in range(2):
            say_and_pause(stream)
        found = await heard(stream, 2)
    assert [each.text for each in found if each.final] == [f"{HEARD} {HEARD}"] * 2, "one answers both"
    assert found[-3].text == f"what time {HEARD}", "until then the first is what it was"


async def test_a_pause_behind_another_is_answered_without_an_empty_commit(server: OpenAIRealtimeServer) -> None:
    async with openai.transcriber(options(server)) as ears, ears.stream() as stream:
        say_and_pause(stream)
        await heard(stream, 1)
        stream.push(WAVE[0])
        stream.finish()
        [again] = await heard(stream, 1)
        line = next(line for line in server.lines if line.received)
        assert line.received.count({"type": "input_audio_buffer.commit"}) == 1
    assert (again.text, again.final) == (HEARD, True)


async def test_a_buffer_that_the_api_finds_empty_is_no_failure(server: OpenAIRealtimeServer) -> None:
    server.refuses_commits = True
    async with openai.transcriber(options(server)) as ears, ears.stream() as stream:
        say_and_pause(stream, WAVE[:6])
        [nothing] = await heard(stream, 1)
    assert (nothing.text, nothing.final) == ("", True)


async def test_a_stretch_whose_recognition_failed_is_an_error(server: OpenAIRealtimeServer) -> None:
    class Failing(OpenAIRealtimeServer):
        async def talk(self, line: Line) -> None:
            while (await line.receive())["type"] != "input_audio_buffer.commit":
                pass
            error = {"type": "server_error", "code": "insufficient_quota", "message": "You exceeded your quota."}
            await line.send({"type": "input_audio_buffer.committed", "event_id": "e", "item_id": "i"})
            await line.send({"type": "conversation.item.input_audio_transcription.failed", "event_id": "f",
                             "item_id": "i", "content_index": 0, "error": error})  # fmt: skip
            await line.receive()

    async with Failing() as failing, openai.transcriber(options(failing)) as ears, ears.stream() as stream:
        say_and_pause(stream)
        with anyio.fail_after(2), pytest.raises(ProviderError, match="openai sent an error: You exceeded your quota"):
            await anext(stream)


async def test_a_server_that_takes_nothing_ends_it(server: OpenAIRealtimeServer) -> None:
    class Deaf(OpenAIRealtimeServer):
        async def talk(self, line: Line) -> None:
            assert line._pump is not None
            line._pump.cancel()
            await anyio.sleep_forever()

    asked = {"timeouts": {"connect": 1.0, "first_byte": 0.5, "gap": 0.3}}
    async with Deaf() as deaf, openai.transcriber(options(deaf, **asked)) as ears, ears.stream() as stream:
        for second in range(300):
            stream.push(Frame(np.zeros(16_000, np.float32), second * 16_000))
        stream.finish()
        with anyio.fail_after(10), pytest.raises(ProviderError, match="openai took nothing for 0.3 s"):
            await anext(stream)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"model": "gpt-realtime-whisper", "keywords": ["Parley"]}, "gpt-realtime-whisper takes no keywords"),
        ({"model": "gpt-realtime-whisper", "prompt": "A chat."}, "gpt-realtime-whisper takes no prompt"),
        ({"delay": "never"}, "delay"),
        ({"base_url": "ftp://example.com"}, "base_url is not an address"),
    ],
)
async def test_what_a_model_does_not_take_is_said(
    server: OpenAIRealtimeServer, more: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ParleyError, match=sentence):
        async with openai.transcriber(options(server, **more)):
            pass


async def test_whisper_is_told_of_one_language(server: OpenAIRealtimeServer) -> None:
    asked = options(server, model="gpt-realtime-whisper", language="de-DE")
    async with openai.transcriber(asked) as ears, ears.stream() as stream:
        say_and_pause(stream)
        await heard(stream, 1)
        transcription = session(server)["audio"]["input"]["transcription"]
    assert transcription == {"model": "gpt-realtime-whisper", "language": "de"}


@pytest.mark.parametrize("path", ["", "/v1", "/v1/"])
async def test_an_address_means_what_it_means_to_the_sdk(server: OpenAIRealtimeServer, path: str) -> None:
    base = server.url.replace("ws:", "http:") + path
    async with openai.transcriber(options(server, base_url=base)) as ears, ears.stream() as stream:
        stream.push(WAVE[0])
        stream.finish()
        await heard(stream, 1)
    assert server.handshakes[0].path == "/v1/realtime?intent=transcription"
