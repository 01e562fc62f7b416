"""Words nobody said: what a guarded recogniser is given, and what is heard of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import numpy as np
import pytest

from assistant.bench.inventions.pieces import pieces
from assistant.conversation.events import Invention, Sureness, Transcript
from assistant.ports import CAPTURE_RATE, FRAME, Frame, Samples, Transcriber, TranscriberAbilities, TranscriberStream
from providers import silero, whisper
from providers._batch import BatchTranscriber, Heard
from providers._guard import Guarded, guarded
from providers._wrapping import Leaf
from tests.providers.test_whisper import recording, render, spoken

pytestmark = pytest.mark.anyio
VOICE = 12
"""Frames of a short word."""
SURE = Sureness(-0.2, 0.0)


def buzz(seed: int = 0) -> Samples:
    """A motor behind a wall: three seconds that Silero takes for a voice for a moment, and Whisper for words."""
    at = np.arange(2 * CAPTURE_RATE) / CAPTURE_RATE
    spectrum = np.fft.rfft(2 * ((130 * at) % 1) - 1)
    frequency = np.fft.rfftfreq(len(at), 1 / CAPTURE_RATE)
    bands = ((500, 150, 1.0), (1500, 250, 0.6), (2500, 300, 0.3))
    shape = sum(much * np.exp(-(((frequency - centre) / width) ** 2)) for centre, width, much in bands)
    hum = np.fft.irfft(spectrum * shape, len(at))
    half = np.zeros(CAPTURE_RATE // 2)
    sound = np.concatenate([half, 0.2 * hum / np.abs(hum).max(), half])
    return (sound + 0.01 * np.random.default_rng(seed).standard_normal(len(sound))).astype(np.float32)


def noises() -> Iterable[tuple[str, Samples]]:
    random = np.random.default_rng(3)
    yield "digital silence", np.zeros(2 * CAPTURE_RATE, np.float32)
    for level in (0.001, 0.03, 0.3):
        hiss = random.standard_normal(3 * CAPTURE_RATE) * level
        yield f"hiss {level}", np.clip(hiss, -1, 1).astype(np.float32)
    knocks = np.zeros(3 * CAPTURE_RATE)
    for start in (8_000, 12_000, 30_000):
        knocks[start : start + 1600] = random.standard_normal(1600) * np.exp(-np.arange(1600) / 200) * 0.5
    yield "knocks", np.clip(knocks, -1, 1).astype(np.float32)
    yield "a buzz", buzz()


async def heard_by_silero(sound: Samples) -> list[Frame]:
    padded = np.pad(sound, (0, -len(sound) % FRAME)).astype(np.float32)
    async with silero.voice_activity({}) as vad:
        pieces = [padded[at : at + FRAME] for at in range(0, len(padded), FRAME)]
        return [Frame(piece, number * FRAME, vad.probability(piece)) for number, piece in enumerate(pieces)]


def frames(probabilities: Sequence[float | None], start: int = 0) -> list[Frame]:
    """Of a hum that rises and falls as a voice does."""
    hum = np.sin(np.arange(FRAME)).astype(np.float32)
    loud = [np.float32(0.1 if number % 8 < 4 else 0.03) for number in range(len(probabilities))]
    return [Frame(hum * loud[number], (start + number) * FRAME, speech) for number, speech in enumerate(probabilities)]


@asynccontextmanager
async def wrote(*texts: str, sureness: Sureness | None = SURE) -> AsyncIterator[tuple[TranscriberStream, list[int]]]:
    """An utterance of a guarded batch model that writes these texts, the last for ever. The list gets the samples of
    each decode."""
    decoded: list[int] = []

    async def decode(samples: Samples, *, optional: bool) -> Heard:
        decoded.append(len(samples))
        return Heard(texts[min(len(decoded), len(texts)) - 1], "en", sureness=sureness)

    inner = BatchTranscriber(decode, name="writer", abilities=TranscriberAbilities(partials=True, generative=True))
    async with Guarded(inner).stream() as stream:
        yield stream, decoded


async def final(stream: TranscriberStream, pushed: Iterable[Frame]) -> Transcript:
    for frame in pushed:
        stream.push(frame)
    stream.finish()
    with anyio.fail_after(20):
        async for transcript in stream:
            if transcript.final:
                return transcript
    raise AssertionError("no final")


async def test_without_a_voice_nothing_is_decoded_and_the_final_is_there_at_once() -> None:
    async with wrote("Thank you.") as (stream, decoded):
        silence = frames([0.1] * 50 + [0.6] * 3)
        transcript = await final(stream, silence)
    assert (transcript.text, transcript.final, transcript.until) == ("", True, silence[-1].end)
    assert transcript.provider == "writer"
    assert transcript.invention == Invention("", "no voice")
    assert decoded == []


async def test_a_voice_that_comes_later_is_decoded_with_all_the_sound_before_it() -> None:
    async with wrote("Stop.") as (stream, decoded):
        assert (await final(stream, frames([0.1] * 20))).text == ""
        transcript = await final(stream, frames([0.99] * VOICE, start=20))
    assert (transcript.text, transcript.invention) == ("Stop.", None)
    assert decoded == [(20 + VOICE) * FRAME]


async def test_each_call_for_a_final_is_answered() -> None:
    async with wrote("Stop.") as (stream, _):
        stream.finish()
        stream.finish()
        found = [await anext(aiter(stream)), await anext(aiter(stream))]
    assert [(transcript.text, transcript.final) for transcript in found] == [("", True), ("", True)]


async def test_what_nobody_said_is_a_final_without_words_and_says_why() -> None:
    async with wrote("Hello, how are you?") as (stream, _):
        transcript = await final(stream, frames([0.1] * 20 + [0.6] * VOICE))
    assert (transcript.text, transcript.words, transcript.language) == ("", (), "en")
    assert transcript.invention == Invention("Hello, how are you?", "no voice")


async def test_an_invented_partial_is_none_and_a_later_one_of_words_is() -> None:
    seen: list[Transcript] = []
    async with wrote("Thanks for watching!", "Tell me a story.", sureness=None) as (stream, decoded):
        for frame in frames([0.99] * 40):
            stream.push(frame)
        with anyio.move_on_after(0.3):  # it decodes while it is iterated
            seen.append(await anext(aiter(stream)))
        assert (len(decoded), seen) == (1, [])
        seen.append(await final(stream, frames([0.99] * 30, start=40)))
    assert [(transcript.text, transcript.final) for transcript in seen] == [("Tell me a story.", True)]


async def test_where_nobody_asked_the_detector_the_other_witnesses_decide() -> None:
    async with wrote("Turn on the lights.", sureness=None) as (stream, _):
        assert (await final(stream, frames([None] * 20))).text == "Turn on the lights."
    async with wrote("Untertitel der Amara.org-Community", sureness=None) as (stream, _):
        assert (await final(stream, frames([None] * 20))).invention is not None


async def test_whoever_is_to_be_heard_at_less_is_heard_at_less() -> None:
    """`vad.threshold` is the user's: a soft voice in front of a poor microphone."""

    async def decode(samples: Samples, *, optional: bool) -> Heard:
        return Heard("Stop.", sureness=Sureness(-0.05, 0.0))

    inner = BatchTranscriber(decode, name="writer", abilities=TranscriberAbilities(generative=True))
    soft = frames([0.1] * 10 + [0.4] * VOICE)
    assert (await through(Guarded(inner), soft)).text == ""
    assert (await through(Guarded(inner, voiced=0.3), soft)).text == "Stop."


async def test_what_invents_nothing_is_left_as_it_is() -> None:
    async def decode(samples: Samples, *, optional: bool) -> Heard:
        return Heard("Thanks for watching.")

    for generative in (False, True):
        inner = BatchTranscriber(decode, name="n", abilities=TranscriberAbilities(generative=generative))

        @asynccontextmanager
        async def opened(inner: BatchTranscriber = inner) -> AsyncIterator[BatchTranscriber]:
            yield inner

        async with guarded(opened(), Leaf("stt", "n", {})) as transcriber:
            assert (transcriber is inner) is not generative
            assert transcriber.name == "n"
            assert transcriber.abilities == inner.abilities
            assert transcriber.decode_time == 0.0, "whatever else it has, it still has"  # type: ignore[attr-defined]


@asynccontextmanager
async def tiny_whisper(size: str) -> AsyncIterator[Transcriber]:
    async with whisper.transcriber({"model": f"parley-{size}", "language": "en"}) as transcriber:
        yield transcriber


async def through(transcriber: Transcriber, sound: Sequence[Frame]) -> Transcript:
    async with transcriber.stream() as stream:
        return await final(stream, sound)


@pytest.mark.parametrize("size", ["accurate", "rough"])
async def test_whisper_invents_and_nothing_of_it_is_left(size: str) -> None:
    """Silence, hiss, knocks, a buzz that the detector itself takes for a voice."""
    raw, left = 0, {}
    async with tiny_whisper(size) as bare:
        for name, sound in noises():
            pieces = await heard_by_silero(sound)
            written = await through(bare, pieces)
            raw += bool(written.text or (written.invention and written.invention.text))
            if text := (await through(Guarded(bare), pieces)).text:
                left[name] = text
    assert raw >= 4, "it does not invent enough for this test to say anything"
    assert left == {}


async def test_all_that_was_said_is_left() -> None:
    """The recordings that come with the tests, and short answers; "thank you" among them."""
    texts = ("Yes.", "No.", "Stop.", "Thank you.", "Okay.", "Goodbye.", "Help.")
    sounds = [(text, recording(file)) for file, text in spoken()]
    sounds += [(text, await render(text)) for text in texts]
    heard = {}
    async with tiny_whisper("accurate") as bare:
        for text, sound in sounds:
            heard[text] = await through(Guarded(bare), await heard_by_silero(sound))
    assert [transcript.invention for transcript in heard.values() if transcript.invention] == []
    assert all(transcript.text for transcript in heard.values())
    assert heard["Thank you."].text == "Thank you."


async def test_real_noise_and_real_short_words(speech: Path) -> None:
    """Three seconds of each: nothing is left of what is no speech, and no word is taken for it."""
    without, words = pieces(speech)
    noise = {piece.clip: piece.samples for piece in without if piece.seconds == 3}
    said = [piece for piece in words if piece.kind == "word"]
    assert len(noise) > 20
    left, lost = {}, []
    async with tiny_whisper("accurate") as bare:
        for clip, sound in noise.items():
            if text := (await through(Guarded(bare), await heard_by_silero(sound))).text:
                left[clip] = text
        for piece in said[::4]:
            sound = await heard_by_silero(piece.samples)
            transcript = await through(Guarded(bare), sound)
            if not transcript.text and sum(frame.speech or 0.0 for frame in sound) > 5:
                lost.append((piece.clip, transcript.invention))
    assert left == {}
    assert lost == []
