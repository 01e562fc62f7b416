"""Real PocketSphinx with the model that comes with it, on recordings of synthesised speech."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import wave
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import numpy as np
import psutil
import pytest

from assistant.audio.resample import Resampler
from assistant.conversation.events import Transcript
from assistant.ports import (
    CAPTURE_RATE,
    FRAME,
    Frame,
    ParleyError,
    ProviderError,
    ProviderUnavailable,
    Samples,
    TranscriberStream,
)
from providers import espeak, pocketsphinx
from providers._sphinx_decoder import BELOW, DITHER, dithered
from providers.pocketsphinx import PocketSphinx

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).resolve().parent.parent.parent
SPEECH = ROOT / "tests" / "data" / "speech"
DEMO = ROOT / "assistant" / "demo" / "data"
PATIENCE = 20
"""Seconds within which everything must have come, on the slowest machine."""


@asynccontextmanager
async def opened(**options: object) -> AsyncIterator[PocketSphinx]:
    async with pocketsphinx.transcriber(options) as transcriber:
        yield transcriber


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def recogniser() -> AsyncIterator[PocketSphinx]:
    """One for all tests that do not end it."""
    async with opened() as transcriber:
        yield transcriber


def recording(path: Path) -> Samples:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / np.float32(32768)


def spoken(name: str) -> Samples:
    return recording(SPEECH / f"{name}.wav")


def frames(sound: Samples, start: int = 0) -> Iterable[Frame]:
    padded = np.pad(sound, (0, -len(sound) % FRAME))
    for at in range(0, len(padded), FRAME):
        yield Frame(padded[at : at + FRAME], start + at)


async def final(stream: TranscriberStream) -> Transcript:
    stream.finish()
    with anyio.fail_after(PATIENCE):
        async for transcript in stream:
            if transcript.final:
                return transcript
    raise AssertionError("the stream ended without a final")


async def hear(recogniser: PocketSphinx, sound: Samples, start: int = 0) -> Transcript:
    async with recogniser.stream() as stream:
        for frame in frames(sound, start):
            stream.push(frame)
        return await final(stream)


# --- what it hears ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("slt-what-time-is-it", "what time is it"),
        ("slt-what-is-two-plus-two", "what is two plus two"),
        ("slt-tell-me-a-joke", "tell me a joke"),
        ("slt-stop", "stop"),
        ("slt-goodbye", "goodbye"),
        ("awb-what-is-seven-times-eight", "what is seven times eight"),
        ("awb-what-is-the-date-today", "what is the date today"),
        ("kal16-set-a-timer-for-ten-minutes", "set a timer for ten minutes"),
        ("rms-cancel-the-timer", "cancel the timer"),
    ],
)
async def test_requests(recogniser: PocketSphinx, name: str, text: str) -> None:
    heard = await hear(recogniser, spoken(name))
    assert (heard.text, heard.final, heard.unintelligible) == (text, True, False)
    assert (heard.language, heard.provider) == ("en", "pocketsphinx")


async def test_what_is_no_request_is_not_understood(recogniser: PocketSphinx) -> None:
    heard = await hear(recogniser, spoken("slt-turn-off-the-lights-in-the-kitchen"))
    assert (heard.text, heard.unintelligible, heard.words) == ("", True, ())


@pytest.mark.parametrize("level", [0.0, 0.003, 0.1])
async def test_noise_is_no_speech(recogniser: PocketSphinx, level: float) -> None:
    noise = np.random.default_rng(5).normal(0, level, 2 * CAPTURE_RATE).astype(np.float32)
    heard = await hear(recogniser, noise)
    assert (heard.text, heard.unintelligible) == ("", False)


@pytest.mark.parametrize("gain", [1.0, 0.02])
@pytest.mark.parametrize("text", ["what time is it", "tell me a joke", "how are you"])
async def test_speech_in_digital_silence_is_understood_loud_or_quiet(
    text: str, gain: float, recogniser: PocketSphinx
) -> None:
    """As what `parley say` writes: exact zeros around the words and between them."""
    async with espeak.synthesizer({}) as voice:
        said = np.concatenate([chunk.samples async for chunk in voice.speak(text)])
        said = Resampler(voice.rate, CAPTURE_RATE).push(said, last=True)
    assert (await hear(recogniser, (said * np.float32(gain)).astype(np.float32))).text == text


async def test_nothing_pushed(recogniser: PocketSphinx) -> None:
    async with recogniser.stream() as stream:
        heard = await final(stream)
    assert (heard.text, heard.until) == ("", None)


async def test_word_times_count_from_the_start_of_the_session(recogniser: PocketSphinx) -> None:
    sound, start = spoken("slt-what-is-two-plus-two"), 10 * CAPTURE_RATE
    heard = await hear(recogniser, sound, start)
    assert [word.text for word in heard.words] == heard.text.split()
    times = [time for word in heard.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert 10.4 < times[0] < 10.9
    assert times[-1] <= 10 + len(sound) / CAPTURE_RATE + 0.05
    assert heard.until == pytest.approx(10 + len(sound) / CAPTURE_RATE, abs=FRAME / CAPTURE_RATE)


def test_the_noise_that_is_added_is_small_the_same_each_time_and_never_wraps_round() -> None:
    sound = np.concatenate([np.full(CAPTURE_RATE, 32767), np.full(CAPTURE_RATE, -32768), np.zeros(100)]).astype("<i2")
    noisy = np.frombuffer(dithered(sound.tobytes()), "<i2")
    assert dithered(sound.tobytes()) == noisy.tobytes()
    difference = noisy.astype(int) - sound
    assert 0 < np.abs(difference).max() <= DITHER
    quiet = np.full(CAPTURE_RATE, 2 * BELOW, "<i2")
    assert np.abs(np.frombuffer(dithered(quiet.tobytes()), "<i2").astype(int) - quiet).max() == 2
    assert dithered(b"") == b""


# --- how it behaves ---------------------------------------------------------------------------------------------------


async def test_each_finish_gives_a_final_of_the_whole_utterance(recogniser: PocketSphinx) -> None:
    sound = spoken("kal16-set-a-timer-for-ten-minutes")
    async with recogniser.stream() as stream:
        for frame in frames(sound[: 40 * FRAME]):
            stream.push(frame)
        first = await final(stream)
        for frame in frames(sound[40 * FRAME :], 40 * FRAME):
            stream.push(frame)
        second = await final(stream)
        third = await final(stream)
    assert first.until == 40 * FRAME / CAPTURE_RATE
    assert second.text == third.text == "set a timer for ten minutes" != first.text


async def test_it_decodes_before_it_is_asked_to(recogniser: PocketSphinx) -> None:
    silence = np.zeros(10 * FRAME, np.float32)
    async with recogniser.stream() as stream:
        for frame in frames(np.concatenate([spoken("slt-what-time-is-it"), silence])):
            stream.push(frame)
        with anyio.fail_after(PATIENCE):
            async for transcript in stream:
                assert not transcript.final
                if transcript.text == "what time is it":
                    break
        assert (await final(stream)).text == "what time is it"


async def test_an_utterance_that_is_left_does_not_hold_up_the_next(recogniser: PocketSphinx) -> None:
    async with recogniser.stream() as stream:
        for frame in frames(spoken("kal16-set-a-timer-for-ten-minutes")):
            stream.push(frame)
        stream.finish()
        with anyio.move_on_after(0.01):
            async for _ in stream:
                pass
    assert [transcript async for transcript in stream] == []
    assert (await hear(recogniser, spoken("slt-stop"))).text == "stop"


async def test_two_utterances_at_once(recogniser: PocketSphinx) -> None:
    async with recogniser.stream() as one, recogniser.stream() as other:
        pairs = zip(frames(spoken("slt-stop")), frames(spoken("slt-goodbye")), strict=True)
        for mine, yours in pairs:
            one.push(mine)
            other.push(yours)
        assert (await final(other)).text == "goodbye"
        assert (await final(one)).text == "stop"


async def test_endless_speech_is_not_decoded(recogniser: PocketSphinx) -> None:
    speech = np.tile(spoken("slt-turn-off-the-lights-in-the-kitchen"), 8)
    heard = await hear(recogniser, speech)
    assert (heard.text, heard.unintelligible) == ("", True)


# --- when its process dies --------------------------------------------------------------------------------------------


async def test_a_killed_process_is_an_error_and_the_next_utterance_has_another() -> None:
    async with opened() as recogniser:
        before = recogniser.pid
        assert before is not None
        async with recogniser.stream() as stream:
            for frame in frames(spoken("slt-stop")):
                stream.push(frame)
            os.kill(before, signal.SIGKILL)
            with pytest.raises(ProviderError, match="its process ended"):
                await final(stream)
        assert (await hear(recogniser, spoken("slt-stop"))).text == "stop"
        assert recogniser.pid not in (None, before)


async def test_a_process_that_hangs_is_ended() -> None:
    async with opened(patience=4.0) as recogniser:
        assert recogniser.pid is not None
        os.kill(recogniser.pid, signal.SIGSTOP)
        with pytest.raises(ProviderError, match="did not answer"):
            await hear(recogniser, spoken("slt-stop"))
        assert (await hear(recogniser, spoken("slt-stop"))).text == "stop"


async def test_closing_leaves_no_process() -> None:
    async with opened() as recogniser:
        assert recogniser.pid is not None
        process = psutil.Process(recogniser.pid)
        family = [process, *process.children(recursive=True)]
        assert len(family) == 2
    await gone(family)


async def test_a_killed_parent_leaves_no_process() -> None:
    code = (
        "import anyio\nfrom providers.pocketsphinx import transcriber\n"
        "async def main():\n    async with transcriber({}) as it:\n        print(it.pid, flush=True)\n"
        "        await anyio.sleep(60)\nanyio.run(main)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT)  # noqa: ASYNC220
    try:
        assert parent.stdout is not None
        process = psutil.Process(int(await anyio.to_thread.run_sync(parent.stdout.readline)))
        family = [process, *process.children(recursive=True)]
        assert len(family) == 2
    finally:
        parent.kill()
        parent.communicate()
    await gone(family)


async def gone(processes: list[psutil.Process]) -> None:
    with anyio.fail_after(PATIENCE):
        while any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in processes):  # noqa: ASYNC110
            await anyio.sleep(0.02)


# --- what may be wrong with its options -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"language": "de"}, "understands English alone, not 'de'"),
        ({"model": "base.en"}, "there is no model 'base.en'"),
        ({"colour": "red"}, "colour"),
        ({"patience": "long"}, "patience"),
    ],
)
async def test_wrong_options_are_told(options: dict[str, object], told: str) -> None:
    with pytest.raises(ParleyError, match=told):
        async with opened(**options):
            pass


@pytest.mark.parametrize("language", ["auto", "en", "en-GB", "en_US"])
async def test_english_by_any_name(language: str) -> None:
    async with opened(language=language) as recogniser:
        assert recogniser.abilities.languages == ("en",)


async def test_without_the_package_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(ProviderUnavailable, match=r"parley-voice\[pocketsphinx\]"):
        async with opened():
            pass
