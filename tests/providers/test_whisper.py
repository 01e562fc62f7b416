"""Real faster-whisper on the models that come with Parley, and real synthesised speech."""

from __future__ import annotations

import csv
import gc
import logging
import sys
import threading
import wave
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import numpy as np
import pytest

from assistant.audio.resample import Resampler
from assistant.conversation.events import Transcript
from assistant.ports import (
    CAPTURE_RATE,
    FRAME,
    Frame,
    ParleyError,
    ProviderUnavailable,
    Samples,
    Transcriber,
    TranscriberStream,
)
from providers import espeak, whisper

pytestmark = pytest.mark.anyio
SPEECH = Path(__file__).parent.parent / "data" / "speech"


@asynccontextmanager
async def opened(size: str = "accurate", **options: object) -> AsyncIterator[Transcriber]:
    async with whisper.transcriber({"model": f"parley-{size}", "language": "en", **options}) as transcriber:
        yield transcriber


def recording(name: str) -> Samples:
    with wave.open(str(SPEECH / name)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / np.float32(32768)


def spoken(*voices: str) -> list[tuple[str, str]]:
    """(file, text) of the recordings in these voices; all without any."""
    with (SPEECH / "transcripts.tsv").open(encoding="utf-8") as file:
        return [
            (r["file"], r["text"]) for r in csv.DictReader(file, delimiter="\t") if not voices or r["voice"] in voices
        ]


async def render(text: str, **options: object) -> Samples:
    """espeak-ng's voice at CAPTURE_RATE, with half a second of silence before and a tenth after."""
    async with espeak.synthesizer(options) as voice:
        sound = np.concatenate([chunk.samples async for chunk in voice.speak(text)])
        sound = Resampler(voice.rate, CAPTURE_RATE).push(sound, last=True)
    silence = np.zeros(CAPTURE_RATE // 2, np.float32)
    return np.concatenate([silence, sound * np.float32(0.5 / np.abs(sound).max()), silence[:1600]])


def frames(sound: Samples, start: int = 0) -> Iterable[Frame]:
    padded = np.pad(sound, (0, -len(sound) % FRAME))
    for at in range(0, len(padded), FRAME):
        yield Frame(padded[at : at + FRAME], start + at)


async def final(stream: TranscriberStream) -> Transcript:
    stream.finish()
    async for transcript in stream:
        if transcript.final:
            return transcript
    raise AssertionError("the stream ended without a final")


async def hear(transcriber: Transcriber, sound: Samples, start: int = 0) -> Transcript:
    async with transcriber.stream() as stream:
        for frame in frames(sound, start):
            stream.push(frame)
        return await final(stream)


# --- what it hears ----------------------------------------------------------------------------------------------------


async def test_exact_text_of_clean_speech_in_known_voices() -> None:
    async with opened() as transcriber:
        heard = {name: (await hear(transcriber, recording(name))).text for name, _ in spoken("slt", "awb", "kal16")}
    assert heard == dict(spoken("slt", "awb", "kal16"))


@pytest.mark.parametrize(
    "text", ["What time is it?", "What is two plus two?", "Turn off the lights.", "Tell me a joke."]
)
async def test_exact_text_of_espeak(text: str) -> None:
    async with opened() as transcriber:
        heard = await hear(transcriber, await render(text))
    assert heard.text == text
    assert (heard.language, heard.provider, heard.final) == ("en", "faster-whisper", True)


async def test_the_accurate_model_repairs_what_the_rough_one_mishears(capsys: pytest.CaptureFixture[str]) -> None:
    phrases = spoken()
    rates = {}
    for size in ("rough", "accurate"):
        async with opened(size) as transcriber:
            heard = [(await hear(transcriber, recording(name))).text for name, _ in phrases]
        errors = sum(_errors(text, said) for said, (_, text) in zip(heard, phrases, strict=True))
        rates[size] = errors / sum(len(text.split()) for _, text in phrases)
    with capsys.disabled():
        print(f"\nword error rate on {len(phrases)} recordings: " + ", ".join(f"{s} {r:.0%}" for s, r in rates.items()))
    assert rates["accurate"] < 0.2 < rates["rough"]


def _errors(text: str, heard: str) -> int:
    """Edit distance in words."""
    row = list(range(len(heard.split()) + 1))
    for i, word in enumerate(text.split(), 1):
        before, row[0] = row[0], i
        for j, other in enumerate(heard.split(), 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]


async def test_language_is_found_when_it_is_auto() -> None:
    async with opened(language="auto") as transcriber:
        english = await hear(transcriber, await render("What time is it?"))
        german = await hear(transcriber, await render("Guten Morgen.", voice="de"))
    assert (english.language, english.text) == ("en", "What time is it?")
    assert (german.language, german.text) == ("de", "Guten Morgen.")


@pytest.mark.parametrize("language", ["de-AT", "de_AT"])
async def test_a_language_may_have_a_region(language: str) -> None:
    async with opened(language=language) as transcriber:
        heard = await hear(transcriber, await render("Guten Morgen.", voice="de"))
    assert (heard.language, heard.text) == ("de", "Guten Morgen.")


async def test_hotwords_are_taken() -> None:
    async with opened(hotwords="lights kitchen") as transcriber:
        heard = await hear(transcriber, recording("slt-turn-off-the-lights-in-the-kitchen.wav"))
    assert heard.text == "Turn off the lights in the kitchen."


async def test_word_times_count_from_the_start_of_the_session() -> None:
    sound, start = recording("slt-what-is-two-plus-two.wav"), 10 * CAPTURE_RATE
    async with opened(word_times=True) as transcriber:
        assert transcriber.abilities.word_times
        heard = await hear(transcriber, sound, start)
    assert [word.text for word in heard.words] == heard.text.split()
    times = [word.start for word in heard.words]
    assert times == sorted(times)
    assert times[0] >= 10
    assert times[1] > 10.5
    assert times[-1] < 10 + len(sound) / CAPTURE_RATE
    assert heard.until == pytest.approx(10 + len(sound) / CAPTURE_RATE, abs=FRAME / CAPTURE_RATE)


@pytest.mark.parametrize("level", [0.0, 0.003, 0.1])
async def test_noise_is_no_speech(level: float) -> None:
    noise = np.random.default_rng(5).normal(0, level, 2 * CAPTURE_RATE).astype(np.float32)
    async with opened() as transcriber:
        assert (await hear(transcriber, noise)).text == ""


# --- how it behaves ---------------------------------------------------------------------------------------------------


async def test_two_utterances_in_a_row() -> None:
    async with opened() as transcriber:
        first = await hear(transcriber, recording("slt-stop.wav"))
        second = await hear(transcriber, recording("slt-goodbye.wav"), start=5 * CAPTURE_RATE)
    assert (first.text, second.text) == ("Stop.", "Goodbye.")


async def test_an_utterance_that_goes_on_after_a_pause() -> None:
    """Its second final is of the whole utterance."""
    sound, half = recording("slt-turn-off-the-lights-in-the-kitchen.wav"), 52 * FRAME
    async with opened() as transcriber, transcriber.stream() as stream:
        for frame in frames(sound[:half]):
            stream.push(frame)
        first = await final(stream)
        for frame in frames(sound[half:], start=half):
            stream.push(frame)
        second = await final(stream)
    assert first.until == half / CAPTURE_RATE
    assert second.text == "Turn off the lights in the kitchen." != first.text


async def test_partials_come_while_the_user_speaks() -> None:
    sound = recording("slt-turn-off-the-lights-in-the-kitchen.wav")
    transcripts: list[Transcript] = []
    async with opened() as transcriber, transcriber.stream() as stream:

        async def read() -> None:
            async for transcript in stream:
                transcripts.append(transcript)
                if transcript.final:
                    return

        async with anyio.create_task_group() as group:
            group.start_soon(read)
            for frame in frames(sound):
                stream.push(frame)
                await anyio.sleep(FRAME / CAPTURE_RATE)
            stream.finish()
    assert len(transcripts) >= 2
    assert not transcripts[0].final
    assert transcripts[-1].text == "Turn off the lights in the kitchen."


async def test_cancelled_while_decoding_the_next_utterance_is_heard() -> None:
    long = np.tile(recording("slt-tell-me-a-joke.wav"), 15)  # two windows of 30 s
    async with opened() as transcriber:
        with anyio.move_on_after(0.05) as scope:
            await hear(transcriber, long)
        assert scope.cancelled_caught
        assert (await hear(transcriber, recording("slt-stop.wav"))).text == "Stop."


async def test_no_thread_of_ours_is_left() -> None:
    async with opened("rough") as transcriber:
        await hear(transcriber, recording("slt-stop.wav"))
    gc.collect()
    assert "faster-whisper" not in {thread.name for thread in threading.enumerate()}


# --- what goes wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"language": "tlh"}, "does not know the language 'tlh'"),
        ({"beam_size": "many"}, "beam_size"),
        ({"beamsize": 1}, "beamsize"),
        ({"compute_type": "int3"}, "cannot be used"),
    ],
)
async def test_wrong_options_are_one_clear_sentence(options: dict[str, object], message: str) -> None:
    with pytest.raises(ParleyError, match=message) as caught:
        async with opened(**options):
            pass
    assert "\n" not in str(caught.value)


async def test_a_missing_package_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(ProviderUnavailable, match=r"pip install 'parley-voice\[whisper\]'"):
        async with opened():
            pass


async def test_a_damaged_model_is_one_clear_sentence(tmp_path: Path) -> None:
    for file in whisper.SHIPPED["parley-rough"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes()[:1000] if file.name == "model.bin" else file.read_bytes())
    with pytest.raises(ParleyError, match="cannot be used") as caught:
        async with opened(model=str(tmp_path)):
            pass
    assert str(tmp_path) in str(caught.value)


async def test_cuda_that_does_not_work_falls_back_to_the_cpu(caplog: pytest.LogCaptureFixture) -> None:
    import ctranslate2

    if ctranslate2.get_cuda_device_count():
        pytest.skip("CUDA works here")
    with caplog.at_level(logging.WARNING, "parley"):
        async with opened(device="cuda") as transcriber:
            heard = await hear(transcriber, recording("slt-stop.wav"))
    assert heard.text == "Stop."
    [record] = caplog.records
    assert "going on with the CPU" in record.getMessage()
