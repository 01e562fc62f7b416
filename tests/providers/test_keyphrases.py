"""The spotter of keyphrases: the real engine with the model that comes with it, on synthesised speech."""

from __future__ import annotations

import os
import signal
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import numpy as np
import psutil
import pytest

from assistant.ports import CAPTURE_RATE, FRAME, Frame, ParleyError, ProviderError, Samples, Spotted
from providers import keyphrases, registry
from providers._keyphrase_stretch import LONGEST, Stretch
from providers.keyphrases import SphinxSpotter, SpotterStream

pytestmark = pytest.mark.anyio
SPEECH = Path(__file__).resolve().parents[1] / "data" / "speech"
PATIENCE = 20
"""Seconds within which everything must have come, on the slowest machine."""
WORD_ENDS = 1.04
"""Second in slt-stop.wav at which the word is over."""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def spotter() -> AsyncIterator[SphinxSpotter]:
    """One for all tests that do not end it."""
    async with keyphrases.spotter({"phrases": ("stop", "be quiet")}) as spotter:
        yield spotter


def recording(name: str) -> Samples:
    with wave.open(str(SPEECH / f"{name}.wav")) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / np.float32(32768)
    noise = np.random.default_rng(1).standard_normal(len(sound) + CAPTURE_RATE).astype(np.float32) * 5e-4
    noise[: len(sound)] += sound
    return noise


async def pushed(stream: SpotterStream, sound: Samples, start: int = 0) -> None:
    """As fast as the worker takes it: frame after frame, with a moment for it now and then."""
    for at in range(0, len(sound) - FRAME + 1, FRAME):
        stream.push(Frame(sound[at : at + FRAME], start + at))
        await anyio.sleep(0.01)


async def spotted(spotter: SphinxSpotter, sound: Samples, start: int = 0, wait: float = 2.0) -> list[Spotted]:
    """All that is, until nothing has been for ``wait`` seconds."""
    found: list[Spotted] = []

    async def listen(stream: SpotterStream) -> None:
        async for one in stream:
            found.append(one)  # noqa: PERF401 - they are looked at while more come

    async with spotter.stream() as stream, anyio.create_task_group() as group:
        group.start_soon(listen, stream)
        await pushed(stream, sound, start)
        known = -1
        while known != len(found):
            known = len(found)
            await anyio.sleep(wait)
        group.cancel_scope.cancel()
    return found


async def test_a_stop_word_is_spotted_with_its_place_on_the_audio_clock(spotter: SphinxSpotter) -> None:
    found = await spotted(spotter, recording("slt-stop"), start=10 * CAPTURE_RATE)
    assert found and found[0].phrase == "stop"
    assert 10.4 < found[0].start < 10.8 and 10.8 < found[0].end < 10 + WORD_ENDS + 0.3


@pytest.mark.parametrize("name", ["slt-what-is-two-plus-two", "awb-hello-how-are-you", "slt-tell-me-a-joke"])
async def test_a_request_is_none(spotter: SphinxSpotter, name: str) -> None:
    assert await spotted(spotter, recording(name)) == []


@pytest.mark.parametrize("level", [0.0, 0.003, 0.3])
async def test_noise_and_silence_are_none(spotter: SphinxSpotter, level: float) -> None:
    noise = np.random.default_rng(5).normal(0, level, 2 * CAPTURE_RATE).astype(np.float32)
    noise[CAPTURE_RATE // 2 : CAPTURE_RATE] *= 3
    assert await spotted(spotter, noise, wait=0.5) == []


async def test_garbage_is_none_and_does_no_harm(spotter: SphinxSpotter) -> None:
    wild = np.full(CAPTURE_RATE, 50.0, np.float32)
    wild[::3] = -50.0
    wild[CAPTURE_RATE // 2 :] = 0.0
    assert await spotted(spotter, wild, wait=0.5) == []
    assert await spotted(spotter, recording("slt-stop"))


async def test_an_overlap_that_was_left_is_of_no_interest_to_the_next(spotter: SphinxSpotter) -> None:
    async with spotter.stream() as stream:
        await pushed(stream, recording("slt-stop")[: round(0.9 * CAPTURE_RATE)])
    assert await spotted(spotter, np.zeros(CAPTURE_RATE, np.float32), wait=0.5) == []


async def test_cancelling_and_closing_wait_for_nothing(spotter: SphinxSpotter) -> None:
    with anyio.fail_after(PATIENCE):
        async with spotter.stream() as stream, anyio.create_task_group() as group:
            group.start_soon(anext, stream)
            await pushed(stream, recording("slt-stop")[:8192])
            group.cancel_scope.cancel()
        async with spotter.stream() as stream:
            stream.close()
            assert [one async for one in stream] == []


async def test_a_process_that_dies_is_told_and_the_next_stream_has_another() -> None:
    async with keyphrases.spotter({"phrases": ("stop",)}) as spotter:
        async with spotter.stream() as stream:
            assert spotter.pid is not None
            before = spotter.pid
            await pushed(stream, recording("slt-stop")[:4096])
            os.kill(before, signal.SIGKILL)
            with anyio.fail_after(PATIENCE), pytest.raises(ProviderError, match="its process ended"):
                await anext(stream)
            stream.push(Frame(np.zeros(FRAME, np.float32), 0))  # into nothing
        found = await spotted(spotter, recording("slt-stop"))
        assert found and spotter.pid not in (None, before)


async def test_its_processes_end_with_it() -> None:
    async with keyphrases.spotter({"phrases": ("stop",)}) as spotter:
        assert spotter.pid is not None
        processes = [psutil.Process(spotter.pid), *psutil.Process(spotter.pid).children()]
        assert len(processes) == 2
    with anyio.fail_after(PATIENCE):
        while any(  # noqa: ASYNC110 - they are no tasks of ours
            one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in processes
        ):
            await anyio.sleep(0.05)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"phrases": ("stop", "zxqv now")}, "'zxqv'"),
        ({"phrases": ()}, "at least one"),
        ({"phrases": ("",)}, "at least one"),
        ({"phrase": "stop"}, "phrase"),
    ],
)
async def test_wrong_options_are_the_users_mistake(options: dict[str, object], why: str) -> None:
    with pytest.raises(ParleyError, match=why):
        async with keyphrases.spotter(options):
            raise AssertionError("it was opened")


def test_it_is_found_by_its_name() -> None:
    assert "pocketsphinx" in registry.names("spotter")
    assert registry.find("spotter", "pocketsphinx") is keyphrases.spotter


# --- when it looks ----------------------------------------------------------------------------------------------------


def looks(*parts: tuple[float, float]) -> list[float]:
    """Seconds at which it is due, of a sound in parts: seconds and level."""
    stretch, at, due = Stretch(), 0.0, []
    for seconds, level in parts:
        for _ in range(round(seconds * CAPTURE_RATE / FRAME)):
            stretch.push(np.full(FRAME, level, np.float32).astype("<i2").tobytes(), level)
            at += FRAME / CAPTURE_RATE
            if stretch.due:
                due.append(round(at, 3))
                stretch.sound()
    return due


def test_it_looks_at_the_second_quiet_frame_behind_a_voice_and_at_no_other() -> None:
    (found,) = looks((0.5, 0.001), (0.4, 0.1), (1.0, 0.001))
    assert 0.9 < found < 1.0


def test_a_click_and_a_speech_are_no_phrase() -> None:
    assert looks((0.5, 0.001), (0.03, 0.1), (1.0, 0.001)) == []
    assert looks((0.5, 0.001), (LONGEST + 0.2, 0.1), (1.0, 0.001)) == []


def test_words_in_two_parts_are_looked_at_after_each_but_not_between_two_sounds_of_one() -> None:
    assert len(looks((0.5, 0.001), (0.2, 0.1), (0.1, 0.001), (0.4, 0.1), (1.0, 0.001))) == 2
    assert len(looks((0.5, 0.001), (0.2, 0.1), (0.032, 0.001), (0.4, 0.1), (1.0, 0.001))) == 1
