"""Cartesia's three APIs through Parley's own words, on a server that the vendor's SDK talks to as well."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import anyio
import numpy as np
import pytest
from cartesia import AsyncCartesia

from assistant.ports import FRAME, Frame, ParleyError, ProviderError, SpokenWord, StreamingSynthesizer
from providers import cartesia, registry
from providers._card import VoiceInfo
from providers._errors import Rejected
from tests.providers.live import (
    START,
    TEXTS,
    WAVE,
    expected_words,
    heard,
    in_two_parts,
    say,
    say_and_pause,
    spoken,
    until,
    wave,
)
from tests.servers import syllables
from tests.servers.cartesia import ID, CartesiaServer, CartesiaVoices
from tests.servers.openai import HEARD

pytestmark = pytest.mark.anyio
KEY = "sk_car_secret0123456789"
VOICE = "f786b574-daa5-4673-aa0c-cbe3e8534c02"


SILENCE = [Frame(np.zeros(FRAME, np.float32), i * FRAME + START) for i in range(10)]


@pytest.fixture
async def server() -> AsyncIterator[CartesiaServer]:
    async with CartesiaServer() as server:
        yield server


def options(server: CartesiaServer | CartesiaVoices, **more: Any) -> dict[str, Any]:
    return {"base_url": server.url, "api_key": KEY, **more}


# --- the server and the vendor's own SDK ---


def sdk(server: CartesiaServer) -> AsyncCartesia:
    return AsyncCartesia(api_key=KEY, websocket_base_url=server.url)


async def test_the_server_hears_as_the_sdk_expects(server: CartesiaServer) -> None:
    sound = (np.sin(np.arange(16_000) * 0.1) * 9000).astype("<i2").tobytes()
    server.resumes = True
    async with sdk(server).stt.auto_finalize.websocket(model="ink-2", encoding="pcm_s16le", sample_rate=16_000) as ears:
        await ears.send_raw(sound)
        await ears.send({"type": "close"})
        with anyio.fail_after(5):
            events = [event async for event in ears]
    assert [event.type for event in events] == [
        "connected", "turn.start", "turn.update", "turn.eager_end", "turn.resume", "turn.update", "turn.end",
    ]  # fmt: skip
    assert events[-1].type == "turn.end" and events[-1].transcript == HEARD
    assert all(not event.model_extra for event in events)
    async with sdk(server).stt.manual_finalize.websocket(
        model="ink-2", encoding="pcm_s16le", sample_rate=16_000, language="en"
    ) as hand:
        await hand.send_raw(sound)
        await hand.send("finalize")
        await hand.send("close")
        with anyio.fail_after(5):
            replies = [reply async for reply in hand]
    assert [reply.type for reply in replies] == ["transcript", "transcript", "transcript", "flush_done", "done"]
    assert "".join(each.text for each in replies if each.type == "transcript" and each.is_final) == HEARD
    assert all(not reply.model_extra for reply in replies)


async def test_the_server_speaks_as_the_sdk_expects(server: CartesiaServer) -> None:
    async with sdk(server).tts.websocket_connect() as connection:
        context = connection.context(
            model_id="sonic-3.5", voice=VOICE, add_timestamps=True, max_buffer_delay_ms=0,
            output_format={"container": "raw", "encoding": "pcm_s16le", "sample_rate": 24_000},
        )  # fmt: skip
        for piece in ("Hello there.", " And again."):
            await context.push(piece)
        await context.no_more_inputs()
        with anyio.fail_after(5):
            events = [event async for event in context.receive()]
        sdks = server.lines[0].received
    assert all(not event.model_extra for event in events)
    sound = b"".join(event.audio or b"" for event in events if event.type == "chunk")
    assert np.array_equal(np.frombuffer(sound, "<i2"), syllables.sound("Hello there. And again.", 24_000))
    assert {event.type for event in events} == {"timestamps", "chunk", "flush_done", "done"}

    async with cartesia.synthesizer(options(server)) as voice:
        await spoken(voice.speak("Hello there. And again."))
        ours = server.lines[0].received
    assert [message | {"context_id": "", "voice": ""} for message in ours] == [
        message | {"context_id": "", "voice": ""} for message in sdks
    ], "Parley says what the SDK says"


async def test_the_sdk_lists_the_same_voices() -> None:
    async with CartesiaVoices() as server:
        async with AsyncCartesia(api_key=KEY, base_url=server.url) as client:
            theirs = [voice async for voice in client.voices.list(limit=100)]
        ours = await cartesia.voices(options(server))
    assert [voice.id for voice in theirs] == [voice.id for voice in ours]


# --- speaking ---


async def test_what_is_said_to_the_server(server: CartesiaServer) -> None:
    chosen = {"voice": "someone", "language": "de-AT", "speed": 3.0, "volume": 0.8, "emotion": "calm", "rate": 16_000}
    async with cartesia.synthesizer(options(server, **chosen)) as voice:
        samples, _ = await spoken(voice.speak("Guten Tag. Wie geht es?"))
        assert voice.rate == 16_000
        [line] = server.lines
        assert (line.path, line.query) == ("/tts/websocket", {}), "no key where addresses are logged"
        assert line.headers["Authorization"] == f"Bearer {KEY}"
        assert line.headers["Cartesia-Version"] == "2026-08-14"
        alike = {
            "context_id": line.received[0]["context_id"], "model_id": "sonic-3.5", "voice": {"id": "someone"},
            "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 16_000},
            "add_timestamps": True, "max_buffer_delay_ms": 0, "language": "de",
            "generation_config": {"speed": 1.5, "volume": 0.8, "emotion": "calm"},
        }  # fmt: skip
        assert line.received == [
            {**alike, "transcript": "Guten Tag.", "continue": True},
            {**alike, "transcript": " Wie geht es?", "continue": True},
            {**alike, "transcript": "", "continue": False},
        ]
    assert np.array_equal(samples, syllables.heard("Guten Tag. Wie geht es?", 16_000))


@pytest.mark.parametrize("late", [False, True], ids=["words first", "words late"])
@pytest.mark.parametrize("text", TEXTS)
async def test_every_word_is_told_where_and_when_it_is(server: CartesiaServer, text: str, late: bool) -> None:
    """Times go on over sentences."""
    server.words_late = late
    async with cartesia.synthesizer(options(server)) as voice:
        samples, words = await spoken(voice.speak(text))
    [sent] = server.said
    assert [(word.offset, word.length, round(word.start, 3)) for word in words] == expected_words(text, sent)
    assert np.array_equal(samples, syllables.heard(sent))


async def test_it_speaks_while_the_text_is_being_written(server: CartesiaServer) -> None:
    more = anyio.Event()
    async with cartesia.synthesizer(options(server)) as voice:
        assert isinstance(voice, StreamingSynthesizer) and voice.abilities.streams_text
        async with aclosing(voice.stream(in_two_parts(more))) as chunks:  # type: ignore[type-var]
            words: list[SpokenWord] = []
            with anyio.fail_after(5):
                async for chunk in chunks:
                    words += chunk.words
                    if len(chunk.samples):
                        break
            more.set()
            rest, later = await spoken(chunks)
    assert server.said == ["Hello there friend. How are you?"]
    assert np.array_equal(np.concatenate([chunk.samples, rest]), syllables.heard(server.said[0]))
    last = later[-1]
    assert (last.offset, last.length) == (28, 4), "offsets count over all of the text"
    assert last.start == pytest.approx(28 * syllables.CHARACTER)


async def test_one_connection_outlives_a_cancellation_and_late_sound_is_dropped(server: CartesiaServer) -> None:
    """The server sees the cancel within 100 ms; a loaded machine may wake it late."""
    async with cartesia.synthesizer(options(server)) as voice:
        server.hold = asyncio.Event()
        async with aclosing(voice.speak("This one is not wanted any more.")) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                if len(chunk.samples):
                    break
            cancelled_at = asyncio.get_running_loop().time()
        with anyio.fail_after(2):
            await server.disconnected.wait()
        assert server.left_at is not None and server.left_at - cancelled_at < 0.5
        [line] = server.lines
        assert line.received[-1] == {"context_id": line.received[0]["context_id"], "cancel": True}
        server.hold.set()
        samples, words = await spoken(voice.speak("This one is."))
        assert np.array_equal(samples, syllables.heard("This one is.")), "nothing of the other one"
        assert [word.offset for word in words] == [0, 5, 9]
        assert server.connections == 1


async def test_a_cancelled_stream_is_cancelled_at_once(server: CartesiaServer) -> None:
    async def text() -> AsyncIterator[str]:
        yield "A sentence that is complete. "
        await anyio.sleep_forever()

    async with cartesia.synthesizer(options(server)) as voice:
        for _ in range(3):
            async with aclosing(voice.stream(text())) as chunks:  # type: ignore[type-var]
                await anext(chunks)
            await until(lambda: "cancel" in server.lines[0].received[-1])
        samples, _ = await spoken(voice.speak("Over."))
        assert np.array_equal(samples, syllables.heard("Over."))
        assert server.connections == 1


@pytest.mark.parametrize("text", ["", "  ", "…", "-- --"])
async def test_where_there_is_nothing_to_say_nothing_is_said(server: CartesiaServer, text: str) -> None:
    async with cartesia.synthesizer(options(server)) as voice:
        samples, words = await spoken(voice.speak(text))
        assert (len(samples), words, server.calls) == (0, [], 0)
        await spoken(voice.speak("Hello."))
        assert server.connections == 1


async def test_unknown_messages_are_passed_over(server: CartesiaServer) -> None:
    server.chatter = True
    async with cartesia.synthesizer(options(server)) as voice:
        samples, _ = await spoken(voice.speak("Hello there. And again."))
    assert np.array_equal(samples, syllables.heard("Hello there. And again."))


ERRORS = [
    (402, "quota_exceeded", True, "wants to be paid first (402): Told so."),
    (401, "unauthorized", True, "rejected the key (401)"),
    (404, "voice_not_found", True, "does not know this model or address (404): Told so."),
    (429, "concurrency_limited", False, "is asked too often (429): Told so."),
    (400, "model_not_found", True, "sent an error: Told so."),
    (500, None, False, "sent an error: Told so."),
]


def refusal(status: int, code: str | None) -> dict[str, Any]:
    return {"type": "error", "done": True, "status_code": status, "error_code": code, "title": "No", "request_id": ID,
            "message": "Told so."}  # fmt: skip


@pytest.mark.parametrize(("status", "code", "lasting", "said"), ERRORS)
@pytest.mark.parametrize("stage", ["tts", "turns", "manual"])
async def test_an_error_is_one_sentence(
    server: CartesiaServer, status: int, code: str | None, lasting: bool, said: str, stage: str
) -> None:
    server.refusal = refusal(status, code)
    with pytest.raises(ProviderError) as failure:
        if stage == "tts":
            async with cartesia.synthesizer(options(server)) as voice:
                await spoken(voice.speak("Hello."))
        else:
            async with cartesia.transcriber(options(server, turns=stage == "turns")) as ears, ears.stream() as stream:
                say_and_pause(stream)
                await heard(stream)
    assert str(failure.value) == f"cartesia {said}"
    assert isinstance(failure.value, Rejected) == lasting


async def test_an_error_of_a_cancelled_call_is_not_the_next_ones(server: CartesiaServer) -> None:
    async with cartesia.synthesizer(options(server)) as voice:
        await spoken(voice.speak("Hello."))
        [line] = server.lines
        await line.send({**refusal(500, None), "context_id": line.received[0]["context_id"]})
        samples, _ = await spoken(voice.speak("Again."))
    assert np.array_equal(samples, syllables.heard("Again."))


# --- hearing by turns ---


async def test_ink_says_itself_when_the_user_has_finished(server: CartesiaServer) -> None:
    server.ends = True
    async with cartesia.transcriber(options(server)) as ears, ears.stream() as stream:
        [line] = server.lines
        say(stream)
        *_, eager, end = await heard(stream, 2)
        assert {"type": "close"} not in line.received
    assert ears.abilities.end_of_turn and ears.abilities.partials
    assert (eager.text, eager.final, eager.end_of_turn) == (HEARD, True, False), "an answer may be drafted on it"
    assert (end.text, end.final, end.end_of_turn, end.language) == (HEARD, True, True, "en")
    assert end.until is not None and 1.4 < end.until <= 1.65, "on the audio clock"


async def test_ink_is_told_goodbye_where_it_does_not_see_the_end(server: CartesiaServer) -> None:
    """That is the one thing that makes it say all that it has heard."""
    given = options(server, force_after=0.02, keyterms=["Parley"], turn_end_threshold=0.3, turn_end_timeout_ms=2000)
    async with cartesia.transcriber(given) as ears, ears.stream() as stream:
        [line] = server.lines
        say_and_pause(stream)
        found = await heard(stream)
        assert line.path == "/stt/turns/websocket"
        assert line.query == {
            "model": ["ink-2"], "encoding": ["pcm_s16le"], "sample_rate": ["16000"], "keyterm": ["Parley"],
            "turn_end_threshold": ["0.3"], "turn_end_timeout_ms": ["2000"],
        }  # fmt: skip
        assert line.headers["Authorization"] == f"Bearer {KEY}"
        sound = b"".join(message for message in line.received if isinstance(message, bytes))
        assert len(sound) == 2 * FRAME * len(WAVE), "every sample, once"
        assert line.received[-1] == {"type": "close"}
        with anyio.move_on_after(0.1):
            more = await anext(stream)
            raise AssertionError(f"one answer, and no more: {more}")
    assert [(each.text, each.final) for each in found] == [("", False), ("what time", False), (HEARD, True)]
    assert not found[-1].end_of_turn, "it was Parley that said so"
    assert found[-1].until == pytest.approx(1.64)


async def test_what_is_said_after_the_goodbye_goes_over_another_connection(server: CartesiaServer) -> None:
    async with cartesia.transcriber(options(server, force_after=0.02)) as ears, ears.stream() as stream:
        for each in range(3):
            say_and_pause(stream, wave(20, 20 * each))
            last = (await heard(stream))[-1]
            assert last.text == " ".join([HEARD] * (each + 1)), "of the whole utterance"
            assert last.until == pytest.approx(1 + 0.64 * (each + 1))


async def test_the_user_goes_on_before_ink_has_hung_up(server: CartesiaServer) -> None:
    server.hold = asyncio.Event()
    async with cartesia.transcriber(options(server, force_after=0.0)) as ears, ears.stream() as stream:
        say_and_pause(stream)
        [line] = server.lines
        await until(lambda: {"type": "close"} in line.received)
        say(stream, wave(20, 20))
        server.hold.set()
        stream.finish()
        found = await heard(stream, 3)
    assert found[-1].text == f"{HEARD} {HEARD}", "nothing was lost between the two"


async def test_ink_takes_an_early_end_back(server: CartesiaServer) -> None:
    server.resumes = True
    async with cartesia.transcriber(options(server, force_after=0.05)) as ears, ears.stream() as stream:
        say_and_pause(stream)
        found = await heard(stream, 2)
    assert [(each.text, each.final) for each in found[-5:]] == [
        ("what time", False), ("what time", True), ("what time", False), ("what time is", False), (HEARD, True),
    ]  # fmt: skip


async def test_the_turn_after_a_finished_one_is_not_cut(server: CartesiaServer) -> None:
    """Ink's own end answers the pause; the user goes on, and nobody hurries the next turn."""
    server.ends, server.eager = True, False
    async with cartesia.transcriber(options(server, force_after=0.2)) as ears, ears.stream() as stream:
        say_and_pause(stream)
        await heard(stream)
        [line] = server.lines
        server.ends = False
        say(stream, wave(20, 20))
        with anyio.fail_after(2):
            while (partial := await anext(stream)).text != f"{HEARD}what time":
                pass
        await anyio.sleep(0.3)
        assert {"type": "close"} not in line.received
    assert not partial.final


@pytest.mark.parametrize("turns", [True, False])
async def test_silence_alone_is_answered_too(server: CartesiaServer, turns: bool) -> None:
    async with cartesia.transcriber(options(server, force_after=0.02, turns=turns)) as ears, ears.stream() as stream:
        say_and_pause(stream, SILENCE)
        nothing = (await heard(stream))[-1]
        assert (nothing.final, nothing.end_of_turn) == (True, False)
        assert nothing.text == ("" if turns else HEARD)
        stream.finish()  # and nothing was said since
        assert (await heard(stream))[-1].final


async def test_a_crash_after_the_goodbye_is_a_failure(server: CartesiaServer) -> None:
    server.hangs_up_with = 1011
    async with cartesia.transcriber(options(server, force_after=0.02)) as ears, ears.stream() as stream:
        say_and_pause(stream, SILENCE)
        with pytest.raises(ProviderError, match=r"cartesia failed inside \(1011\): model crashed"):
            await heard(stream)


async def test_unknown_events_are_passed_over(server: CartesiaServer) -> None:
    server.chatter = True
    async with cartesia.transcriber(options(server, force_after=0.02)) as ears, ears.stream() as stream:
        say_and_pause(stream)
        assert (await heard(stream))[-1].text == HEARD


async def test_the_next_connection_is_there_before_the_next_utterance(server: CartesiaServer) -> None:
    async with cartesia.transcriber(options(server)) as ears:
        assert server.connections == 1
        for expected in (2, 3):
            async with ears.stream() as stream:
                stream.push(WAVE[0])
            await until(lambda expected=expected: server.connections == expected)  # type: ignore[misc]


# --- hearing by hand ---


async def test_by_hand_ink_is_asked_to_finalise(server: CartesiaServer) -> None:
    async with cartesia.transcriber(options(server, turns=False, language="en-US", keyterms=["Parley"])) as ears:
        assert (ears.abilities.end_of_turn, ears.abilities.word_times) == (False, True)
        async with ears.stream() as stream:
            [line] = server.lines
            say_and_pause(stream)
            found = await heard(stream)
            assert line.path == "/stt/websocket"
            assert line.query == {
                "model": ["ink-2"], "encoding": ["pcm_s16le"], "sample_rate": ["16000"], "language": ["en"],
                "keyterm": ["Parley"],
            }  # fmt: skip
            sound = b"".join(message for message in line.received if isinstance(message, bytes))
            assert len(sound) == 2 * FRAME * len(WAVE), "every sample, once"
        await until(lambda: line.received[-1] == "close")
    assert [each.text for each in found] == ["what time", "what ti", HEARD, HEARD], "pieces are joined as they are"
    final = found[-1]
    assert (final.final, final.language, final.until) == (True, "en", pytest.approx(1.64))
    assert [word.text for word in final.words] == HEARD.split()
    assert (final.words[0].start, final.words[-1].end) == (pytest.approx(1.0), pytest.approx(1.64))


async def test_by_hand_two_pauses_are_two_finals_of_the_whole(server: CartesiaServer) -> None:
    server.heard = f"{HEARD} "
    async with cartesia.transcriber(options(server, turns=False)) as ears, ears.stream() as stream:
        for each in range(2):
            say_and_pause(stream, wave(20, 20 * each))
            last = (await heard(stream))[-1]
        assert server.connections == 1
    assert (last.text, last.until) == (f"{HEARD} {HEARD}", pytest.approx(2.28))


async def test_other_languages_are_for_whisper(server: CartesiaServer) -> None:
    with pytest.raises(ParleyError, match="cartesia: ink-2 hears English alone; for 'de' set model = \"ink-whisper\""):
        async with cartesia.transcriber(options(server, language="de")):
            pass
    async with cartesia.transcriber(options(server, language="de", model="ink-whisper")) as ears:
        assert ears.abilities.languages == ()
        assert (server.query["model"], server.query["language"]) == (["ink-whisper"], ["de"])


# --- the rest ---


async def test_all_pages_of_voices_are_listed() -> None:
    async with CartesiaVoices() as server:
        found = await registry.voices("cartesia", options(server))
        assert [request.path for request in server.requests] == [
            "/voices?limit=100", "/voices?limit=100&starting_after=voice-99",
        ]  # fmt: skip
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert found is not None and len(found) == 120
    assert found[1] == VoiceInfo("voice-1", "Voice 1", "de", "feminine, Warm")


async def test_voices_that_are_refused() -> None:
    async with CartesiaVoices() as server:
        server.refused = 401
        with pytest.raises(Rejected) as failure:
            await cartesia.voices(options(server))
    assert str(failure.value) == "cartesia rejected the key (401)"
