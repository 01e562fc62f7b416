"""ElevenLabs' three APIs through Parley's own words, on a server whose shapes the vendor's SDK reads."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, get_args

import anyio
import httpx
import numpy as np
import pytest
import websockets.asyncio.client
from anyio import to_thread
from elevenlabs import ElevenLabs
from elevenlabs.realtime.connection import RealtimeEvents
from elevenlabs.realtime.scribe import AudioFormat, ScribeRealtime
from elevenlabs.types.text_to_dialogue_websocket_client_message_multi import TextToDialogueWebsocketClientMessageMulti
from elevenlabs.v_1_text_to_dialogue_multi_stream_input.types.receive_text_to_dialogue_websocket_message_multi import (
    ReceiveTextToDialogueWebsocketMessageMulti,
)
from elevenlabs.v_1_text_to_speech_voice_id_multi_stream_input.types.receive_message_multi import ReceiveMessageMulti
from elevenlabs.v_1_text_to_speech_voice_id_multi_stream_input.types.send_message_multi import SendMessageMulti

from assistant.conversation.words import spans
from assistant.ports import FRAME, ParleyError, ProviderError, StreamingSynthesizer
from providers import elevenlabs, registry
from providers._card import VoiceInfo
from providers._errors import Rejected
from providers.elevenlabs import dialogue, scribe
from tests.providers.live import (
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
from tests.servers.elevenlabs import ElevenLabsServer, ElevenLabsVoices
from tests.servers.openai import HEARD

pytestmark = pytest.mark.anyio
KEY = "el-secret-0123456789"
VOICE = "JBFqnCBsd6RMkjVDRZzb"
V4 = {"model": "eleven_v4_turbo"}


@pytest.fixture
async def server() -> AsyncIterator[ElevenLabsServer]:
    async with ElevenLabsServer() as server:
        yield server


def options(server: ElevenLabsServer | ElevenLabsVoices, **more: Any) -> dict[str, Any]:
    return {"base_url": server.url, "api_key": KEY, **more}


async def written(*pieces: str) -> AsyncIterator[str]:
    for piece in pieces:
        yield piece


def is_known(message: Any, *kinds: Any) -> bool:
    """One of the SDK's types has all of its fields and no other."""
    for kind in kinds:
        try:
            if not kind.model_validate(message).model_extra:
                return True
        except ValueError:
            continue
    return False


# --- the server and the vendor's own SDK ---


async def test_scribe_is_faithful_to_the_sdks_eyes(server: ElevenLabsServer) -> None:
    connection = await ScribeRealtime(api_key=KEY, base_url=server.url).connect(
        {"model_id": "scribe_v2_realtime", "audio_format": AudioFormat.PCM_16000, "sample_rate": 16_000,
         "include_timestamps": True}
    )  # fmt: skip
    events: asyncio.Queue[Any] = asyncio.Queue()
    for kind in (
        RealtimeEvents.PARTIAL_TRANSCRIPT,
        RealtimeEvents.COMMITTED_TRANSCRIPT,
        RealtimeEvents.COMMITTED_TRANSCRIPT_WITH_TIMESTAMPS,
        RealtimeEvents.COMMIT_THROTTLED,
    ):
        connection.on(kind, events.put_nowait)
    sound = base64.b64encode((np.sin(np.arange(16_000) * 0.1) * 9000).astype("<i2").tobytes()).decode()
    with anyio.fail_after(5):
        await connection.commit()
        assert (await events.get())["message_type"] == "commit_throttled"
        await connection.send({"audio_base_64": sound})
        assert (await events.get())["text"] == "what time"
        await connection.commit()
        assert (await events.get())["text"] == HEARD
        timed = await events.get()
    assert [word["text"] for word in timed["words"] if word["type"] == "word"] == HEARD.split()
    await connection.close()


async def test_voices_are_faithful_to_the_sdks_types(server: ElevenLabsServer) -> None:
    """What Parley sends, and what the server answers: every message has a type in the SDK that fits it wholly."""
    received: list[Any] = []
    for path, sent in (
        (
            f"/v1/text-to-speech/{VOICE}/multi-stream-input",
            [
                {"text": " ", "context_id": "a"},
                {"text": "Hello. ", "context_id": "a", "flush": True},
                {"context_id": "a", "close_context": True},
            ],
        ),
        (
            "/v1/text-to-dialogue/multi-stream-input",
            [
                {"context_id": "a", "voices": [VOICE]},
                {"context_id": "a", "inputs": [{"text": "Hello. ", "voice_id": VOICE, "new_turn": True}]},
                {"context_id": "a", "flush": True},
                {"context_id": "a", "close_context": True},
            ],
        ),
    ):
        async with websockets.asyncio.client.connect(f"{server.url}{path}?output_format=pcm_24000") as raw:
            for message in sent:
                await raw.send(json.dumps(message))
            with anyio.fail_after(5):
                while not (message := json.loads(await raw.recv())).get("isFinal") and not message.get("is_final"):
                    received.append(message)
                received.append(message)
    ours = [message for message in received if "contextId" in message]
    theirs = [message for message in received if "context_id" in message]
    assert len(ours) > 2 and len(theirs) > 3
    assert all(is_known(message, *get_args(ReceiveMessageMulti)) for message in ours)
    assert all(is_known(message, *get_args(ReceiveTextToDialogueWebsocketMessageMulti)) for message in theirs)

    manner = {"stability": 0.4, "speed": 1.1}
    async with elevenlabs.synthesizer(options(server, **manner)) as voice:
        await spoken(voice.speak("Hello there. And again."))
        [line] = server.lines
        assert all(is_known(message, *get_args(SendMessageMulti)) for message in line.received)
    async with elevenlabs.synthesizer(options(server, **manner, **V4)) as voice:
        await spoken(voice.speak("Hello there. And again."))
        [line] = server.lines
        assert all(is_known(message, TextToDialogueWebsocketClientMessageMulti) for message in line.received)


async def test_the_sdk_lists_the_same_voices() -> None:
    async with ElevenLabsVoices() as server:
        with httpx.Client() as http:
            client = ElevenLabs(api_key=KEY, base_url=server.url, httpx_client=http)
            found = await to_thread.run_sync(lambda: client.voices.get_all().voices)
        ours = await elevenlabs.voices(options(server))
    assert [voice.voice_id for voice in found] == [voice.id for voice in ours] == [VOICE, "own1", "own2"]


# --- speaking: contexts ---


async def test_what_is_said_to_the_server(server: ElevenLabsServer) -> None:
    chosen = {"voice": "a/b", "language": "pt-BR", "speed": 2.0, "stability": 0.3, "style": 0.1, "rate": 16_000}
    async with elevenlabs.synthesizer(options(server, **chosen)) as voice:
        samples, _ = await spoken(voice.speak("Hello there. And again."))
        assert voice.rate == 16_000
        [line] = server.lines
        assert line.headers["xi-api-key"] == KEY
        assert line.path == "/v1/text-to-speech/a%2Fb/multi-stream-input"
        assert line.query == {
            "model_id": ["eleven_flash_v2_5"], "output_format": ["pcm_16000"], "language_code": ["pt"],
            "auto_mode": ["true"], "sync_alignment": ["true"], "inactivity_timeout": ["180"],
        }  # fmt: skip
        name = line.received[0]["context_id"]
        settings = {"stability": 0.3, "style": 0.1, "speed": 1.2}
        assert line.received == [
            {"text": " ", "context_id": name, "voice_settings": settings},
            {"text": "Hello there. ", "context_id": name, "flush": True},
            {"text": "And again. ", "context_id": name, "flush": True},
            {"text": "", "context_id": name, "flush": True},
            {"context_id": name, "close_context": True},
        ]
        assert np.array_equal(samples, syllables.heard("Hello there. And again. ", 16_000))
    async with elevenlabs.synthesizer(options(server)) as voice:
        await spoken(voice.speak("Hello."))
        assert server.lines[0].received[0].keys() == {"text", "context_id"}, "the voice's own settings"


async def test_models_that_know_one_way_of_choosing_a_language_are_not_told(server: ElevenLabsServer) -> None:
    async with elevenlabs.synthesizer(options(server, model="eleven_multilingual_v2", language="de")) as voice:
        await spoken(voice.speak("Guten Tag."))
        assert "language_code" not in server.query
        assert voice.abilities.word_times and voice.abilities.streams_text


@pytest.mark.parametrize("model", [{}, V4], ids=["contexts", "dialogue"])
@pytest.mark.parametrize("text", [*TEXTS, "你好。今天天气很好。再见！", "Wait … what? — no!"])
async def test_every_word_is_told_where_and_when_it_is(
    server: ElevenLabsServer, text: str, model: dict[str, Any]
) -> None:
    """Times go on over messages and sentences; at the latest with the sound in which they begin."""
    async with elevenlabs.synthesizer(options(server, **model)) as voice:
        samples, words, done = 0, [], 0.0
        with anyio.fail_after(5):
            async for chunk in voice.speak(text):
                assert all(word.start > done - 0.001 for word in chunk.words), "not after it has sounded"
                samples += len(chunk.samples)
                done = samples / voice.rate
                words += chunk.words
        await until(lambda: bool(server.said))
    [sent] = server.said
    assert [(word.offset, word.length, round(word.start, 3)) for word in words] == expected_words(text, sent)
    assert samples == len(syllables.sound(sent, 24_000))


async def test_quotes_that_the_alignment_leaves_out_do_no_harm(server: ElevenLabsServer) -> None:
    server.drops_quotes = True
    text = 'He said "no way" and “left” for good.'
    async with elevenlabs.synthesizer(options(server)) as voice:
        _, words = await spoken(voice.speak(text))
    assert [(word.offset, word.length) for word in words] == [(begin, end - begin) for begin, end in spans(text)]


@pytest.mark.parametrize("model", [{}, V4], ids=["contexts", "dialogue"])
async def test_it_speaks_while_the_text_is_being_written(server: ElevenLabsServer, model: dict[str, Any]) -> None:
    more = anyio.Event()
    async with elevenlabs.synthesizer(options(server, **model)) as voice:
        assert isinstance(voice, StreamingSynthesizer)
        async with aclosing(voice.stream(in_two_parts(more))) as chunks:  # type: ignore[type-var]
            with anyio.fail_after(5):
                first = await anext(chunks)
            assert len(first.samples), "sound came before the text was whole"
            more.set()
            rest, words = await spoken(chunks)
        await anyio.sleep(0.05)
    assert server.said == ["Hello there friend. How are you? "]
    assert np.array_equal(np.concatenate([first.samples, rest]), syllables.heard(server.said[0]))
    last = words[-1]
    assert (last.offset, last.length) == (28, 4), "offsets count over all of the text"
    assert last.start == pytest.approx(28 * syllables.CHARACTER)


async def test_one_connection_outlives_a_cancellation_and_late_sound_is_dropped(server: ElevenLabsServer) -> None:
    async with elevenlabs.synthesizer(options(server)) as voice:
        server.hold = asyncio.Event()
        async with aclosing(voice.speak("This one is not wanted any more.")) as chunks:  # type: ignore[type-var]
            await anext(chunks)
        with anyio.fail_after(2):
            await server.disconnected.wait()
        server.hold.set()
        samples, words = await spoken(voice.speak("This one is."))
        assert np.array_equal(samples, syllables.heard("This one is. ")), "nothing of the other one"
        assert [word.offset for word in words] == [0, 5, 9]
        assert server.connections == 1


async def test_a_cancelled_stream_closes_its_context_at_once(server: ElevenLabsServer) -> None:
    """Within 100 ms, as the server sees it; a loaded machine may wake it late."""

    async def text() -> AsyncIterator[str]:
        yield "A sentence that is complete. "
        await anyio.sleep_forever()

    async with elevenlabs.synthesizer(options(server)) as voice:
        for _ in range(2 * 5):  # more than there may be contexts at a time
            async with aclosing(voice.stream(text())) as chunks:  # type: ignore[type-var]
                await anext(chunks)
                cancelled_at = anyio.current_time()
            await until(lambda: "close_context" in server.lines[0].received[-1])
            assert anyio.current_time() - cancelled_at < 0.5
        samples, _ = await spoken(voice.speak("Over."))
        assert np.array_equal(samples, syllables.heard("Over. "))
        assert server.connections == 1


async def test_a_call_that_was_cancelled_before_it_said_anything_leaves_nothing(server: ElevenLabsServer) -> None:
    async with elevenlabs.synthesizer(options(server)) as voice:
        with anyio.move_on_after(0.05):
            await spoken(voice.stream(written_never()))
        assert server.lines[0].received == []
        await spoken(voice.speak("Hello."))
        assert server.connections == 1


async def written_never() -> AsyncIterator[str]:
    yield "Half a sen"
    await anyio.sleep_forever()


@pytest.mark.parametrize("model", [{}, V4], ids=["contexts", "dialogue"])
@pytest.mark.parametrize("text", ["", "  ", "…", "-- --"])
async def test_where_there_is_nothing_to_say_nothing_is_said(
    server: ElevenLabsServer, text: str, model: dict[str, Any]
) -> None:
    async with elevenlabs.synthesizer(options(server, **model)) as voice:
        samples, words = await spoken(voice.speak(text))
        assert (len(samples), words, server.calls) == (0, [], 0)
        await spoken(voice.speak("Hello."))
        assert server.connections == 1


async def test_an_idle_connection_is_kept_in_silence(server: ElevenLabsServer) -> None:
    """Whatever were sent before a context's first message would become that message, without its settings."""
    async with elevenlabs.synthesizer(options(server)):
        await anyio.sleep(0.1)
        assert server.lines[0].received == []
        line = server.lines[0]
    await until(lambda: bool(line.received))
    assert line.received == [{"close_socket": True}]


@pytest.mark.parametrize("model", [{}, V4], ids=["contexts", "dialogue"])
async def test_unknown_messages_are_passed_over(server: ElevenLabsServer, model: dict[str, Any]) -> None:
    server.chatter = True
    async with elevenlabs.synthesizer(options(server, **model)) as voice:
        samples, _ = await spoken(voice.speak("Hello there. And again."))
    assert np.array_equal(samples, syllables.heard("Hello there. And again. "))


@pytest.mark.parametrize("model", [{}, V4], ids=["contexts", "dialogue"])
@pytest.mark.parametrize(
    ("error", "lasting", "said"),
    [
        ("quota_exceeded", True, "elevenlabs says that the quota is used up (elevenlabs.io/app/usage): Told so"),
        ("invalid_api_key", True, "elevenlabs rejected the key"),
        ("voice_not_found", True, "elevenlabs does not know this voice: Told so"),
        ("system_busy", False, "elevenlabs is overloaded: Told so"),
        ("never_heard_of", False, "elevenlabs sent an error: Told so"),
    ],
)
async def test_an_error_is_one_sentence(
    server: ElevenLabsServer, error: str, lasting: bool, said: str, model: dict[str, Any]
) -> None:
    server.refusal = {"message": "Told so", "error": error, "code": 1008}
    async with elevenlabs.synthesizer(options(server, **model)) as voice:
        with pytest.raises(ProviderError) as failure:
            await spoken(voice.speak("Hello."))
        assert str(failure.value) == said
        assert isinstance(failure.value, Rejected) == lasting


# --- speaking: dialogue ---


async def test_what_v4_is_told(server: ElevenLabsServer) -> None:
    chosen = {"voice": "someone", "language": "de", "stability": 0.5, "style": 0.2, "speed": 1.1}
    async with elevenlabs.synthesizer(options(server, **chosen, **V4)) as voice:
        await spoken(voice.speak("Guten Tag. Wie geht es?"))
        [line] = server.lines
        await until(lambda: "close_context" in line.received[-1])
        assert line.path == "/v1/text-to-dialogue/multi-stream-input"
        assert line.query == {
            "model_id": ["eleven_v4_turbo"], "output_format": ["pcm_24000"], "language_code": ["de"],
            "sync_alignment": ["true"],
        }  # fmt: skip
        keeper, first, *rest = line.received
        name = first["context_id"]
        assert keeper.keys() == {"context_id", "voices"} and keeper["context_id"] != name
        assert first == {"context_id": name, "voices": ["someone"], "voice_settings": {"stability": 0.5}}
        assert rest == [
            {"context_id": name, "inputs": [{"text": "Guten Tag. ", "voice_id": "someone", "new_turn": True}]},
            {"context_id": name, "flush": True},
            {"context_id": name, "inputs": [{"text": "Wie geht es? ", "voice_id": "someone", "new_turn": False}]},
            {"context_id": name, "flush": True},
            {"context_id": name, "close_context": True},
        ]


async def test_a_dialogue_is_over_when_every_flush_is_answered_and_its_context_is_closed(
    server: ElevenLabsServer,
) -> None:
    async with elevenlabs.synthesizer(options(server, **V4)) as voice:
        for round in range(7):  # more than there may be contexts at a time
            text = f"Round {round} begins. It goes on."
            samples, _ = await spoken(voice.speak(text))
            assert np.array_equal(samples, syllables.heard(f"{text} "))
        assert server.connections == 1


async def test_a_cancelled_dialogue_takes_its_connection_with_it(server: ElevenLabsServer) -> None:
    async with elevenlabs.synthesizer(options(server, **V4)) as voice:
        server.hold = asyncio.Event()
        async with aclosing(voice.speak("This one is not wanted any more.")) as chunks:  # type: ignore[type-var]
            await anext(chunks)
            cancelled_at = asyncio.get_running_loop().time()
        with anyio.fail_after(2):
            await server.disconnected.wait()
        assert server.left_at is not None and server.left_at - cancelled_at < 0.5
        server.hold.set()
        samples, _ = await spoken(voice.speak("This one is."))
        assert np.array_equal(samples, syllables.heard("This one is. "))


async def test_an_idle_dialogue_is_kept_alive_by_a_context_of_its_own(
    server: ElevenLabsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialogue, "EVERY", 0.02)
    async with elevenlabs.synthesizer(options(server, **V4)) as voice:
        await anyio.sleep(0.1)
        [line] = server.lines
        assert dialogue.ALIVE in line.received
        await spoken(voice.speak("Hello."))
        await anyio.sleep(0.05)
        assert server.connections == 1, "a sign of life for a context that is not there would have ended it"


# --- hearing ---


async def test_scribe_is_asked_to_commit(server: ElevenLabsServer) -> None:
    given = options(server, language="en-GB", keyterms=["Parley", "Scribe"])
    async with elevenlabs.transcriber(given) as ears, ears.stream() as stream:
        say_and_pause(stream)
        partial, final = await heard(stream)
        [line] = server.lines
        assert line.headers["xi-api-key"] == KEY
        assert line.query == {
            "model_id": ["scribe_v2_realtime"], "audio_format": ["pcm_16000"], "commit_strategy": ["manual"],
            "language_code": ["en"], "include_timestamps": ["true"], "keyterms": ["Parley", "Scribe"],
        }  # fmt: skip
        sound = b"".join(base64.b64decode(message["audio_base_64"]) for message in line.received)
        assert len(sound) == 2 * FRAME * len(WAVE), "every sample, once"
        assert [message["commit"] for message in line.received] == [False] * (len(line.received) - 1) + [True]
    assert (partial.text, partial.final) == ("what time", False)
    assert (final.text, final.final, final.language, final.until) == (HEARD, True, "en", pytest.approx(1.64))
    assert [word.text for word in final.words] == HEARD.split()
    assert final.words[0].start == pytest.approx(1.0, abs=0.001), "words are on the audio clock"
    assert final.words[-1].end == pytest.approx(1.64, abs=0.001)


@pytest.mark.parametrize(("code", "language"), [("en", "en"), ("deu", "de"), ("yue", "yue"), ("", None)])
async def test_the_language_is_found_out(server: ElevenLabsServer, code: str, language: str | None) -> None:
    server.language = code
    async with elevenlabs.transcriber(options(server)) as ears, ears.stream() as stream:
        say_and_pause(stream)
        *_, final = await heard(stream)
        assert "language_code" not in server.query and server.query["include_language_detection"] == ["true"]
    assert final.language == language


async def test_without_timestamps_a_final_does_not_wait_for_them(server: ElevenLabsServer) -> None:
    async with elevenlabs.transcriber(options(server, include_timestamps=False, language="de")) as ears:
        assert not ears.abilities.word_times
        async with ears.stream() as stream:
            say_and_pause(stream)
            *_, final = await heard(stream)
        assert server.query["include_timestamps"] == ["false"]
    assert (final.text, final.words, final.language) == (HEARD, (), "de")


async def test_two_pauses_are_two_finals_of_the_whole(server: ElevenLabsServer) -> None:
    async with elevenlabs.transcriber(options(server)) as ears, ears.stream() as stream:
        for round in range(2):
            say_and_pause(stream, wave(20, 20 * round))
            last = (await heard(stream))[-1]
    assert last.text == f"{HEARD} {HEARD}"
    assert [word.text for word in last.words] == HEARD.split() * 2
    assert last.words[4].start == pytest.approx(1.64, abs=0.001)


async def test_a_pause_is_answered_by_its_own_commit(server: ElevenLabsServer) -> None:
    """The answer to the first pause is none to the second, which came before it."""
    async with elevenlabs.transcriber(options(server)) as ears, ears.stream() as stream:
        for each in range(2):
            say_and_pause(stream, wave(20, 20 * each))
        found = [each for each in await heard(stream, 2) if each.final]
    assert [each.until for each in found] == [pytest.approx(1.64), pytest.approx(2.28)]
    assert [each.text for each in found] == [HEARD, f"{HEARD} {HEARD}"]


async def test_a_word_too_short_to_be_committed_is_given_silence(server: ElevenLabsServer) -> None:
    """Scribe ignores a commit of less than 0.3 s. The silence is no part of the utterance: times go on without it."""
    async with elevenlabs.transcriber(options(server)) as ears, ears.stream() as stream:
        for frame in wave(3):  # 0.096 s
            stream.push(frame)
        stream.finish()
        [short] = await heard(stream)
        say_and_pause(stream, wave(20, 3))
        *_, whole = await heard(stream)
        stream.finish()  # nothing was said since
        [again] = await heard(stream)
    assert (short.text, whole.text, again.text) == (HEARD, f"{HEARD} {HEARD}", f"{HEARD} {HEARD}")
    assert whole.words[4].start == pytest.approx(1.096, abs=0.001)


@pytest.mark.parametrize("meanwhile", [False, True], ids=["before", "while it is asked to"])
async def test_what_it_commits_by_itself_is_not_lost(server: ElevenLabsServer, meanwhile: bool) -> None:
    server.commits_itself = True
    async with elevenlabs.transcriber(options(server)) as ears, ears.stream() as stream:
        say(stream, wave(40 if meanwhile else 20))
        found = [] if meanwhile else await heard(stream)
        stream.finish()
        found += await heard(stream, 2 if meanwhile else 1)
    assert [each.text for each in found if each.final] == ["what time", f"what time {HEARD}"]


async def test_silence_that_kept_a_session_alive_does_not_shift_the_words(
    server: ElevenLabsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scribe, "EVERY", 0.02)
    async with elevenlabs.transcriber(options(server)) as ears:
        await until(lambda: len(server.lines[0].received) > 2)
        async with ears.stream() as stream:
            say_and_pause(stream)
            *_, final = await heard(stream)
        assert server.connections >= 1
    assert final.words[0].start == pytest.approx(1.0, abs=0.001)


@pytest.mark.parametrize(
    ("kind", "lasting", "said"),
    [
        ("auth_error", True, "rejected the key"),
        ("quota_exceeded", True, "says that the quota is used up (elevenlabs.io/app/usage): Why."),
        ("unaccepted_terms", True, "wants its terms accepted first (elevenlabs.io): Why."),
        ("rate_limited", False, "is asked too often: Why."),
        ("queue_overflow", False, "cannot keep up with the sound: Why."),
        ("resource_exhausted", False, "is overloaded: Why."),
        ("session_time_limit_exceeded", False, "ended the session: it had gone on for too long: Why."),
        ("input_error", False, "called the request invalid: Why."),
        ("invalid_request", False, "called the request invalid: Why."),
        ("chunk_size_exceeded", False, "was sent too much sound at once: Why."),
        ("insufficient_audio_activity", False, "heard too little speech in the session: Why."),
        ("transcriber_error", False, "failed inside: Why."),
        ("error", False, "sent an error: Why."),
        ("brand_new_error", False, "sent an error: Why."),
    ],
)
async def test_every_error_of_scribes_is_one_sentence(
    server: ElevenLabsServer, kind: str, lasting: bool, said: str
) -> None:
    server.refusal = {"message_type": kind, "error": "Why."}
    async with elevenlabs.transcriber(options(server)) as ears, ears.stream() as stream:
        say(stream)
        with pytest.raises(ProviderError) as failure:
            await heard(stream)
    assert str(failure.value) == f"elevenlabs {said}"
    assert isinstance(failure.value, Rejected) == lasting


async def test_warnings_and_unknown_messages_are_passed_over(server: ElevenLabsServer) -> None:
    server.chatter = True
    async with elevenlabs.transcriber(options(server)) as ears, ears.stream() as stream:
        say_and_pause(stream)
        assert (await heard(stream))[-1].text == HEARD


# --- the rest ---


async def test_voices_are_listed_with_what_is_known_of_them() -> None:
    async with ElevenLabsVoices() as server:
        found = await registry.voices("elevenlabs", options(server))
        [request] = server.requests
        assert request.headers["xi-api-key"] == KEY
    assert found == [
        VoiceInfo(VOICE, "George", "", "male, middle aged, british"),
        VoiceInfo("own1", "Mine", "de"),
        VoiceInfo("own2", "Bare"),
    ]


@pytest.mark.parametrize(
    ("status", "said"), [(401, "rejected the key (401)"), (429, "is asked too often (429): Invalid ***")]
)
async def test_voices_that_are_refused(status: int, said: str) -> None:
    async with ElevenLabsVoices() as server:
        server.refused = status
        with pytest.raises(ProviderError) as failure:
            await elevenlabs.voices(options(server))
    assert str(failure.value) == f"elevenlabs {said}"
    assert isinstance(failure.value, Rejected) == (status == 401)
    assert failure.value.__context__ is None


@pytest.mark.parametrize("body", [{}, {"voices": 3}, "no", []])
async def test_a_list_of_voices_that_is_none(body: Any) -> None:
    async with ElevenLabsVoices() as server:
        server.body = body
        with pytest.raises(ProviderError, match="cannot be read"):
            await elevenlabs.voices(options(server))


@pytest.mark.parametrize("wrong", [{"stability": 2}, {"rate": 11_025}, {"unheard_of": 1}])
async def test_wrong_options_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ParleyError, match=f"elevenlabs: .*{next(iter(wrong))}"):
        async with elevenlabs.synthesizer({"api_key": KEY, **wrong}):
            pass
