"""AssemblyAI's recognition and voices through Parley's own words, on a server whose shapes the vendor's SDK reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import anyio
import assemblyai as sdk
import numpy as np
import pytest
from assemblyai.streaming import v3

from assistant.ports import FRAME, Frame, ParleyError, ProviderError, SpeechChunk
from providers import assemblyai
from providers._errors import Rejected
from providers.assemblyai.codes import CLOSES, told
from tests.providers.live import WAVE, heard, say, say_and_pause, until
from tests.servers.assemblyai import AssemblyAIServer
from tests.servers.openai import HEARD
from tests.servers.websocket import Line

pytestmark = pytest.mark.anyio
KEY = "aai-secret-0123456789"
PIECES = [(np.sin(np.arange(1600) * 0.1) * 9000).astype("<i2").tobytes()] * 6
"""0.6 s of voice in messages of 0.1 s."""


@pytest.fixture
async def server() -> AsyncIterator[AssemblyAIServer]:
    async with AssemblyAIServer() as server:
        yield server


def options(server: AssemblyAIServer, **more: Any) -> dict[str, Any]:
    return {"base_url": server.url, "api_key": KEY, **more}


# --- the server and the vendor's own SDK ---


async def test_the_server_is_faithful_to_the_eyes_of_the_sdk_that_listens(server: AssemblyAIServer) -> None:
    ears = v3.AsyncRealTimeTranscriber(v3.RealTimeTranscriberOptions(api_host=server.url, api_key=KEY))
    events: list[Any] = []
    over = asyncio.Event()

    def take(_: Any, event: Any) -> None:
        events.append(event)
        if getattr(event, "turn_is_formatted", False):
            over.set()

    for kind in v3.RealTimeEvents:
        ears.on(kind, take)
    model = v3.SpeechModel.universal_streaming_english
    asked = v3.RealTimeParameters(
        sample_rate=16_000, speech_model=model, format_turns=True, keyterms_prompt=["Parley"], language_codes=["en"]
    )
    await ears.connect(asked)
    await ears.stream(PIECES)
    await ears.force_endpoint()
    await asyncio.wait_for(over.wait(), 2)
    await ears.disconnect(terminate=True)
    begin, started, partial, end, better, termination = events
    assert begin.configuration.model == "universal-streaming-english"
    assert started.timestamp == 0
    assert (partial.transcript, partial.words[1].text, partial.end_of_turn) == ("what", "time", False)
    assert (end.transcript, end.end_of_turn, end.turn_is_formatted) == (HEARD, True, False)
    assert (better.transcript, better.end_of_turn, better.turn_is_formatted) == ("What time is it?", True, True)
    assert better.words[-1].end == 600 and better.language_code == "en"
    assert termination.session_duration_seconds == 1


@pytest.mark.filterwarnings("ignore:ConnectionClosed.* is deprecated")  # the SDK's own reading of it
async def test_a_session_of_the_sdk_ends_at_a_piece_that_is_too_short(server: AssemblyAIServer) -> None:
    ears = v3.AsyncRealTimeTranscriber(v3.RealTimeTranscriberOptions(api_host=server.url, api_key=KEY))
    errors: list[Any] = []
    ears.on(v3.RealTimeEvents.Error, lambda _, error: errors.append(error))
    await ears.connect(v3.RealTimeParameters(sample_rate=16_000, speech_model=v3.SpeechModel.universal_3_6_pro))
    await ears.stream(bytes(2 * 500))
    await until(lambda: errors)
    assert errors[0].code == 3007
    await ears.disconnect()


async def test_the_server_is_faithful_to_the_eyes_of_the_sdk_that_speaks(server: AssemblyAIServer) -> None:
    client = sdk.AsyncClient(settings=sdk.Settings(api_key=KEY, tts_base_url=server.url.replace("ws:", "http:")))
    told: list[Any] = []
    async with sdk.AsyncTTSSession(sdk.TTSConfig(sample_rate=24_000), client=client, word_boundaries=True) as session:
        session.on(sdk.TTSEvents.WordBoundaries, told.append)
        session.on(sdk.TTSEvents.Cancelled, told.append)
        assert session.begin is not None and session.begin.configuration["limits"]
        for text in ("Hello there.", "And again."):
            sound = b"".join([chunk async for chunk in session.speak(text)])
            assert np.array_equal(np.frombuffer(sound, "<i2"), server.sound)
        await until(lambda: len(told) == 2)
        assert [(word.word, word.start - told[1].audio_start_ms) for word in told[1].words] == [
            ("And", 0),
            ("again.", 60),
        ]
        server.hold = asyncio.Event()
        async with aclosing(session.speak("And a third time.")) as third:  # type: ignore[type-var]
            await anext(third)
            await session.cancel()
        server.hold = None
        assert len(b"".join([chunk async for chunk in session.speak("Now.")])) == 2 * len(server.sound)
        assert told[2].audio_duration_seconds == 0.08
    assert session.termination is not None and session.termination.total_input_char_length == 43
    await client.aclose()


# --- hearing ---


async def test_it_says_itself_when_the_user_has_finished(server: AssemblyAIServer) -> None:
    server.ends = 0.97
    async with assemblyai.transcriber(options(server)) as ears, ears.stream() as stream:
        say(stream)
        partial, end = await heard(stream, 1)
    assert ears.abilities.end_of_turn and ears.abilities.partials and ears.abilities.word_times
    assert (partial.text, partial.final) == ("what time", False)
    assert (end.text, end.final, end.end_of_turn, end.language) == (HEARD, True, True, "en")
    assert end.words[0].start == pytest.approx(1.0), "words are on the audio clock"
    assert end.until is not None and end.words[-1].end < end.until <= 1.75


async def test_one_that_is_unsure_of_the_end_is_not_believed(server: AssemblyAIServer) -> None:
    server.ends = 0.2
    async with assemblyai.transcriber(options(server)) as ears, ears.stream() as stream:
        say(stream)
        end = (await heard(stream, 1))[-1]
    assert (end.text, end.final, end.end_of_turn) == (HEARD, True, False)


async def test_it_is_told_that_the_turn_is_over_when_it_does_not_see_it(server: AssemblyAIServer) -> None:
    asked = options(
        server, force_after=0.05, languages=["en-GB", "de"], keyterms=["Parley", "Café"], mode="min_latency"
    )
    async with assemblyai.transcriber(asked) as ears, ears.stream() as stream:
        say_and_pause(stream)
        final = (await heard(stream, 1))[-1]
        assert (final.text, final.end_of_turn) == (HEARD, False), "it was Parley that said so"
        [line] = server.lines
        assert {"type": "ForceEndpoint"} in line.received
        assert line.query == {
            "sample_rate": ["16000"], "encoding": ["pcm_s16le"], "speech_model": ["universal-3-6-pro"],
            "format_turns": ["true"], "language_codes": ['["en", "de"]'], "keyterms_prompt": ['["Parley", "Café"]'],
            "mode": ["min_latency"],
        }  # fmt: skip
        assert (line.headers["Authorization"], line.headers["AssemblyAI-Version"]) == (KEY, "2025-05-12")


@pytest.mark.parametrize("frames", [1, 2, 3, 5, 16, 20])
async def test_every_sample_goes_once_in_pieces_that_are_allowed(server: AssemblyAIServer, frames: int) -> None:
    async with assemblyai.transcriber(options(server, force_after=0.02)) as ears, ears.stream() as stream:
        for _ in range(2):
            for frame in WAVE[:frames]:
                stream.push(frame)
                await anyio.sleep(0.001)
            stream.finish()
            assert (await heard(stream, 1))[-1].final
        [line] = server.lines
        sent = [message for message in line.received if isinstance(message, bytes)]
    assert all(0.05 * 32_000 <= len(piece) <= 32_000 for piece in sent)
    whole = b"".join(sent)
    given = np.concatenate([frame.samples for frame in WAVE[:frames]] * 2)
    assert np.array_equal(np.frombuffer(whole, "<i2"), np.rint(given * 32768)[: len(whole) // 2])
    assert len(given) - len(whole) // 2 < 0.05 * 16_000, "what is too short to be sent waits for more"


async def test_much_sound_that_waits_is_not_sent_all_at_once(server: AssemblyAIServer) -> None:
    """It would be taken for sound that comes too fast."""
    hurried = options(server, force_after=0.02, timeouts={"connect": 3.0, "first_byte": 0.3, "gap": 0.3})
    async with assemblyai.transcriber(hurried) as ears, ears.stream() as stream:
        began = anyio.current_time()
        for index in range(150):  # 4.8 s
            stream.push(Frame(WAVE[index % 20].samples, index * FRAME))
        stream.finish()
        await until(lambda: server.lines and len(server.lines[0].received) > 3)
        assert anyio.current_time() - began < 0.5, "what was said while it connected is sent at once"
        assert (await heard(stream, 1))[-1].text == HEARD, "its time runs only when it has all the sound"
        assert anyio.current_time() - began > (4.8 - 2.0) / 4 - 0.1


async def test_it_is_not_forced_while_the_user_goes_on(server: AssemblyAIServer) -> None:
    async with assemblyai.transcriber(options(server, force_after=0.02)) as ears, ears.stream() as stream:
        say_and_pause(stream)
        await heard(stream, 1)
        say(stream)
        with anyio.fail_after(2):
            partial = await anext(stream)
        await anyio.sleep(0.1)
        assert server.lines[0].received.count({"type": "ForceEndpoint"}) == 1
    assert (partial.text, partial.final) == (f"{HEARD} what time", False)


async def test_a_pause_long_after_its_own_end_of_turn_is_answered_at_once(server: AssemblyAIServer) -> None:
    server.ends = 0.97
    async with assemblyai.transcriber(options(server, force_after=0.02)) as ears, ears.stream() as stream:
        say(stream, WAVE[:15])
        for start in range(15, 50):
            stream.push(Frame(np.zeros(FRAME, np.float32), start * FRAME + 16_000))
        await heard(stream, 1)
        stream.finish()
        with anyio.fail_after(1):
            [again] = await heard(stream, 1)
        assert {"type": "ForceEndpoint"} not in server.lines[0].received, "there was no turn to end"
    assert again.text == HEARD


async def test_an_older_model_says_its_end_twice_and_the_second_is_the_same_final_better_written(
    server: AssemblyAIServer,
) -> None:
    older = options(server, model="universal-streaming-english", force_after=0.05)
    async with assemblyai.transcriber(older) as ears, ears.stream() as stream:
        say_and_pause(stream)
        found = await heard(stream, 2)
        say_and_pause(stream)
        again = await heard(stream, 2)
    assert [(each.text, each.final) for each in found] == [
        ("what time", False), (HEARD, True), ("What time is it?", True),
    ]  # fmt: skip
    assert again[-1].text == "What time is it? What time is it?"


async def test_no_connection_is_kept_between_utterances_since_open_ones_are_billed(server: AssemblyAIServer) -> None:
    async with assemblyai.transcriber(options(server, force_after=0.02)) as ears:
        assert server.connections == 0
        for connections in (1, 2):
            async with ears.stream() as stream:
                say(stream)
                await until(lambda: any(line.received for line in server.lines))
                assert server.connections == connections
            await until(lambda: not server.lines)
            assert server.terminated == connections, "each is told to terminate"


async def test_one_is_kept_where_the_user_wants_to_pay_for_it(server: AssemblyAIServer) -> None:
    async with assemblyai.transcriber(options(server, idle=30.0)) as ears:
        assert server.connections == 1
        async with ears.stream() as stream:
            stream.push(WAVE[0])
        await until(lambda: server.connections == 2)
        assert server.terminated == 1
    await until(lambda: not server.lines)
    assert server.terminated == 2


@pytest.mark.parametrize(
    ("code", "reason", "said", "lasting"),
    [
        (1008, "Too many concurrent sessions", "refused the session (1008): Too many concurrent sessions", False),
        (1013, "", "is overloaded (1013)", False),
        (3007, "Input duration violation", "too short or too long (3007): Input duration violation", False),
        (4001, "Not authorized", "rejected the key (4001)", True),
        (4002, "Insufficient funds", "wants to be paid first (4002): Insufficient funds", True),
        (4003, "", "gives this to paying accounts only (4003)", True),
        (4031, "", "heard nothing for too long (4031)", False),
    ],
)
async def test_close_codes_are_sentences(code: int, reason: str, said: str, lasting: bool) -> None:
    class Closing(AssemblyAIServer):
        async def talk(self, line: Line) -> None:
            await line.hang_up(code, reason)

    async with Closing() as server, assemblyai.transcriber(options(server)) as ears, ears.stream() as stream:
        stream.finish()
        with anyio.fail_after(2), pytest.raises(ProviderError) as caught:
            await anext(stream)
    assert str(caught.value).startswith("assemblyai ") and said in str(caught.value)
    assert isinstance(caught.value, Rejected) == lasting


def test_every_close_code_that_the_sdk_knows_is_known() -> None:
    assert set(v3.models.RealTimeErrorCodes) <= set(CLOSES)


def test_a_rejected_key_is_not_quoted() -> None:
    assert KEY not in str(told("assemblyai", 4001, f"Not authorized: {KEY}", ()))


# --- speaking ---


async def spoken(voice: Any, text: str) -> list[SpeechChunk]:
    with anyio.fail_after(5):
        return [chunk async for chunk in voice.speak(text)]


def whole(chunks: list[SpeechChunk], server: AssemblyAIServer) -> bool:
    return np.array_equal(np.concatenate([chunk.samples for chunk in chunks]), server.sound.astype(np.float32) / 32768)


async def test_it_speaks_and_its_words_have_their_times_on_one_connection(server: AssemblyAIServer) -> None:
    async with assemblyai.synthesizer(options(server, voice="aai-michael", language="de-DE", rate=16000)) as voice:
        for text in ("Hello there, there.", "And again."):
            chunks = await spoken(voice, text)
            assert whole(chunks, server)
            words = [word for chunk in chunks for word in chunk.words]
            assert [text[word.offset : word.offset + word.length] for word in words] == text.split()
            assert [word.start for word in words] == pytest.approx([0.06 * i for i in range(len(words))])
        assert (server.connections, server.said, voice.rate) == (1, ["Hello there, there.", "And again."], 16_000)
        assert server.query == {
            "voice_id": ["aai-michael"], "model_id": ["assemblyai-tts-1"], "language": ["german"],
            "sample_rate": ["16000"], "encoding": ["pcm_s16le"], "word_boundaries": ["true"],
        }  # fmt: skip
        assert server.lines[0].headers["Authorization"] == KEY
    assert not voice.abilities.word_times, "they are not promised"
    await until(lambda: not server.lines)
    assert server.terminated == 1


async def test_word_times_that_do_not_come_are_not_waited_for_long(server: AssemblyAIServer) -> None:
    server.wordless = True
    async with assemblyai.synthesizer(options(server)) as voice:
        with anyio.fail_after(1):
            assert whole(await spoken(voice, "Hello there."), server)
        assert whole(await spoken(voice, "Again."), server)
    assert server.connections == 1


async def test_word_times_that_come_late_are_no_words_of_the_next_text(server: AssemblyAIServer) -> None:
    server.tardy = True
    async with assemblyai.synthesizer(options(server)) as voice:
        for text in ("Hello there.", "Again, please."):
            chunks = await spoken(voice, text)
            assert whole(chunks, server)
            assert not any(chunk.words for chunk in chunks)


async def test_what_is_late_of_a_cancelled_text_is_not_heard_in_the_next(server: AssemblyAIServer) -> None:
    async with assemblyai.synthesizer(options(server)) as voice:
        for _ in range(2):
            server.hold = asyncio.Event()
            async with aclosing(voice.speak("Nobody wants to hear this.")) as chunks:  # type: ignore[type-var]
                await anext(chunks)
            server.hold = None
            assert whole(await spoken(voice, "Hello there."), server)
        line = server.lines[0]
        assert server.connections == 1, "the connection is used again"
        assert line.received.count({"type": "Cancel"}) == 2


async def test_long_texts_go_in_pieces(server: AssemblyAIServer) -> None:
    text = "word " * 900 + "end."
    async with assemblyai.synthesizer(options(server)) as voice:
        assert whole(await spoken(voice, text), server)
    assert server.said == [text]


@pytest.mark.parametrize(
    ("refusal", "said", "lasting", "wait"),
    [
        (
            {"error_code": 3006, "error_type": "voice_not_found", "error": "No such voice.", "retryable": False},
            "called what it was asked invalid (3006): No such voice.", True, None,
        ),
        (
            {"error_code": 3009, "error_type": "rate_limited", "error": "Too many.", "retryable": True,
             "retry_after_seconds": 12},
            "has too many sessions open for this key (3009): Too many.", False, 12.0,
        ),
        (
            {"error_code": 1011, "error_type": "at_capacity", "error": "", "retryable": True},
            "failed inside (1011): at_capacity", False, None,
        ),
    ],
)  # fmt: skip
async def test_its_errors_say_whether_and_when_to_ask_again(
    server: AssemblyAIServer, refusal: dict[str, Any], said: str, lasting: bool, wait: float | None
) -> None:
    server.refusal = refusal
    async with assemblyai.synthesizer(options(server)) as voice:
        with pytest.raises(ProviderError) as caught:
            await spoken(voice, "Hello.")
    assert said in str(caught.value)
    assert isinstance(caught.value, Rejected) == lasting
    assert caught.value.retry_after == wait


async def test_a_text_with_nothing_to_say_is_over_at_once(server: AssemblyAIServer) -> None:
    async with assemblyai.synthesizer(options(server)) as voice:
        assert await spoken(voice, "...") == []


async def test_what_its_voices_cannot_do_is_told(server: AssemblyAIServer, caplog: Any) -> None:
    with pytest.raises(ParleyError, match="its voices speak en, es, de, fr, it, pt, not nl"):
        async with assemblyai.synthesizer(options(server, language="nl")):
            pass
    async with assemblyai.synthesizer(options(server, speed=1.2)):
        assert "speed = 1.2 is passed over" in caplog.text


async def test_a_message_of_another_form_is_an_error_of_the_vendors(server: AssemblyAIServer) -> None:
    class Garbled(AssemblyAIServer):
        async def talk(self, line: Line) -> None:
            while (await line.receive()) != {"type": "Flush"}:
                pass
            line.begin()
            await line.content({"type": "Audio", "flush_id": 0, "audio": "!"})
            await line.receive()

    async with Garbled() as garbled, assemblyai.synthesizer(options(garbled)) as voice:
        with pytest.raises(ProviderError, match="cannot be read"):
            await spoken(voice, "Hello.")
