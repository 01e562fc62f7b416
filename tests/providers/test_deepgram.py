"""Deepgram's four APIs through Parley's own words, on a server whose shapes the vendor's SDK reads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import anyio
import numpy as np
import pytest
from deepgram import AsyncDeepgramClient
from deepgram.environment import DeepgramClientEnvironment

from assistant.ports import FRAME, StreamingSynthesizer
from providers import deepgram
from tests.providers.live import WAVE, heard, say, say_and_pause
from tests.servers.deepgram import DeepgramServer
from tests.servers.openai import HEARD

pytestmark = pytest.mark.anyio
KEY = "dg-secret-0123456789"


@pytest.fixture
async def server() -> AsyncIterator[DeepgramServer]:
    async with DeepgramServer() as server:
        yield server


def options(server: DeepgramServer, **more: Any) -> dict[str, Any]:
    return {"base_url": server.url, "api_key": KEY, **more}


# --- the server and the vendor's own SDK ---


def sdk(server: DeepgramServer) -> AsyncDeepgramClient:
    places = DeepgramClientEnvironment(base=server.url, production=server.url, agent=server.url, agent_rest=server.url)
    return AsyncDeepgramClient(api_key=KEY, environment=places)


async def test_the_server_is_faithful_to_the_sdks_eyes(server: DeepgramServer) -> None:
    sound = (np.sin(np.arange(1280) * 0.1) * 9000).astype("<i2").tobytes()
    async with sdk(server).listen.v2.connect(model="flux-general-en", encoding="linear16", sample_rate="16000") as flux:
        assert (await flux.recv()).type == "Connected"
        for _ in range(8):
            await flux.send_media(sound)
        assert [(await flux.recv()).event for _ in range(2)] == ["StartOfTurn", "Update"]
        await flux._send({"type": "ForceEndTurn"})
        last = await flux.recv()
        assert (last.event, last.trigger, last.transcript) == ("EndOfTurn", "manual", HEARD)
        assert last.words[0].word == "what"
    async with sdk(server).listen.v1.connect(model="nova-3", encoding="linear16", sample_rate="16000") as nova:
        for _ in range(8):
            await nova.send_media(sound)
        assert (await nova.recv()).channel.alternatives[0].transcript == "what time"
        await nova.send_finalize()
        last = await nova.recv()
        assert (last.is_final, last.from_finalize, last.channel.alternatives[0].transcript) == (True, True, HEARD)
    async with sdk(server).speak.v1.connect(model="aura-2-thalia-en") as aura:
        assert (await aura.recv()).type == "Metadata"
        await aura._send({"type": "Speak", "text": "Hello."})
        await aura.send_flush()
        sounds = [await aura.recv() for _ in range(5)]
        assert np.array_equal(np.frombuffer(b"".join(sounds), "<i2"), server.sound)
        assert (await aura.recv()).type == "Flushed"
    async with sdk(server).speak.v2.connect(model="flux-kit-en") as voice:
        assert (await voice.recv()).type == "Connected"
        await voice._send({"type": "Speak", "text": "Hello."})
        assert (await voice.recv()).speech_id.startswith("dg_sp_")
        await voice._send({"type": "Flush"})
        kinds = [getattr(await voice.recv(), "type", "sound") for _ in range(7)]
        assert kinds == ["sound"] * 5 + ["Flushed", "SpeechMetadata"]


# --- hearing ---


async def test_flux_says_itself_when_the_user_has_finished(server: DeepgramServer) -> None:
    server.ends = True
    async with deepgram.transcriber(options(server)) as ears, ears.stream() as stream:
        say(stream)
        *_, eager, end = await heard(stream, 2)
    assert ears.abilities.end_of_turn and ears.abilities.partials
    assert (eager.text, eager.final, eager.end_of_turn) == (HEARD, True, False), "an answer may be drafted on it"
    assert (end.text, end.final, end.end_of_turn) == (HEARD, True, True)
    assert end.until is not None and 1.4 < end.until <= 1.65, "on the audio clock"


async def test_flux_takes_an_early_end_back(server: DeepgramServer) -> None:
    server.resumes = True
    async with deepgram.transcriber(options(server, force_after=0.05)) as ears, ears.stream() as stream:
        say_and_pause(stream)
        found = await heard(stream, 2)
    assert [(each.text, each.final) for each in found[-4:]] == [
        ("what time", False), ("what time", True), ("what time is", False), (HEARD, True),
    ]  # fmt: skip
    assert not found[-1].end_of_turn, "it was Parley that said so"


async def test_flux_is_told_that_the_turn_is_over_when_it_does_not_see_it(server: DeepgramServer) -> None:
    async with deepgram.transcriber(options(server, force_after=0.05)) as ears, ears.stream() as stream:
        say_and_pause(stream)
        assert (await heard(stream, 1))[-1].text == HEARD
        [line] = [line for line in server.lines if {"type": "ForceEndTurn"} in line.received]
        assert line.query == {
            "model": ["flux-general-en"], "encoding": ["linear16"], "sample_rate": ["16000"], "eot_threshold": ["0.7"],
            "eager_eot_threshold": ["0.4"], "eot_timeout_ms": ["5000"],
        }  # fmt: skip
        assert line.headers["Authorization"] == f"Token {KEY}"
        sound = b"".join(message for message in line.received if isinstance(message, bytes))
        assert len(sound) == 2 * FRAME * len(WAVE), "every sample, once"


async def test_flux_is_not_hurried_while_the_user_goes_on_after_a_turn(server: DeepgramServer) -> None:
    async with deepgram.transcriber(options(server, force_after=0.02)) as ears, ears.stream() as stream:
        say_and_pause(stream)
        await heard(stream, 1)
        say(stream)
        with anyio.fail_after(2):
            while (partial := await anext(stream)).text != f"{HEARD} what time":
                pass
        await anyio.sleep(0.1)
        assert server.lines[0].received.count({"type": "ForceEndTurn"}) == 1
    assert not partial.final


async def test_nova_is_asked_to_finalise(server: DeepgramServer) -> None:
    given = options(server, model="nova-3", language="en_GB", keyterms=["Parley"])
    async with deepgram.transcriber(given) as ears, ears.stream() as stream:
        say_and_pause(stream)
        partial, final = await heard(stream, 1)
        line = next(line for line in server.lines if {"type": "Finalize"} in line.received)
        assert (line.query["language"], line.query["keyterm"]) == (["en-GB"], ["Parley"])
    assert (partial.text, partial.final, final.text) == ("what time", False, HEARD)
    assert final.words[0].start == pytest.approx(1.0), "words are on the audio clock"
    assert final.language == "en"


async def test_the_next_connection_is_there_before_the_next_utterance(server: DeepgramServer) -> None:
    async with deepgram.transcriber(options(server, force_after=0.02)) as ears:
        assert server.connections == 1
        for round in (2, 3):
            async with ears.stream() as stream:
                stream.push(WAVE[0])
            with anyio.fail_after(2):
                while server.connections < round:  # noqa: ASYNC110 - a server has no such event
                    await anyio.sleep(0.01)
            assert len(server.lines) == 1, "the one before has been closed"


# --- speaking ---


async def test_aura_speaks_and_keeps_its_connection(server: DeepgramServer) -> None:
    async with deepgram.synthesizer(options(server, voice="aura-2-apollo-en", speed=1.2)) as voice:
        for text in ("Hello there.", "And again."):
            chunks = [chunk.samples async for chunk in voice.speak(text)]
            assert np.array_equal(np.concatenate(chunks), server.sound.astype(np.float32) / 32768)
        assert (server.connections, server.said) == (1, ["Hello there.", "And again."])
        assert server.lines[0].query == {
            "model": ["aura-2-apollo-en"], "encoding": ["linear16"], "sample_rate": ["24000"], "speed": ["1.2"],
        }  # fmt: skip


async def test_flux_speaks_while_the_text_is_being_written(server: DeepgramServer) -> None:
    more = anyio.Event()

    async def text() -> AsyncIterator[str]:
        yield "Hello"
        yield " there,"
        await more.wait()
        yield " friend."

    async with deepgram.synthesizer(options(server, voice="flux-kit-en")) as voice:
        assert isinstance(voice, StreamingSynthesizer) and voice.abilities.streams_text
        async with aclosing(voice.stream(text())) as chunks:  # type: ignore[type-var]
            first = await anext(chunks)
            assert len(first.samples), "sound came before the text was whole"
            more.set()
            rest = [chunk.samples async for chunk in chunks]
    assert server.said == ["Hello there, friend."]
    assert len(np.concatenate([first.samples, *rest])) == len(server.sound)


async def test_flux_is_not_cut_off_while_it_still_finds_words(server: DeepgramServer) -> None:
    """It took its early end back since the user went on: no end is forced before it has been quiet for a while."""
    server.resumes = True
    async with deepgram.transcriber(options(server, force_after=0.4)) as ears, ears.stream() as stream:
        say_and_pause(stream)
        await heard(stream, 1)
        [line] = [line for line in server.lines if line.call is not None]
        began = anyio.current_time()
        for words in ("what time is it", "what time is it now", "what time is it now in"):
            await anyio.sleep(0.2)
            await line.content(server.turn.info("Update", words))
            assert {"type": "ForceEndTurn"} not in line.received
        assert (await heard(stream, 1))[-1].text == HEARD
        assert anyio.current_time() - began > 3 * 0.2 + 0.4 - 0.05
