"""The spotter of keyphrases: the real engine with the model that comes with it, on synthesised speech."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator

import anyio
import numpy as np
import psutil
import pytest

from assistant.ports import CAPTURE_RATE, FRAME, Frame, ParleyError, ProviderError, Samples, Spotted
from providers import keyphrases, registry
from providers._keyphrase_stretch import LONGEST, Stretch
from providers.keyphrases import SphinxSpotter, SpotterStream
from tests.recorded import recording

pytestmark = pytest.mark.anyio
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


@pytest.mark.parametrize("which", ["the worker", "what decodes phones"])
async def test_one_that_hangs_is_ended_with_all_its_processes_and_the_next_stream_has_another(which: str) -> None:
    async with keyphrases.spotter({"phrases": ("stop",)}) as spotter:
        patience, spotter._engine.patience = spotter._engine.patience, 0.7  # it is ready, and that took longer
        hung = processes(spotter)
        os.kill(hung[which == "what decodes phones"].pid, signal.SIGSTOP)
        async with spotter.stream() as stream:
            await pushed(stream, recording("slt-stop"))
            with anyio.fail_after(PATIENCE), pytest.raises(ProviderError, match="did not answer for 0.7 s"):
                await anext(stream)
        await gone(hung)
        spotter._engine.patience = patience
        assert await spotted(spotter, recording("slt-stop"))


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL])
async def test_one_that_hangs_or_dies_while_nobody_listens_is_told_to_the_next_who_does_and_once(how: int) -> None:
    async with keyphrases.spotter({"phrases": ("stop",)}) as spotter:
        patience, spotter._engine.patience = spotter._engine.patience, 0.5
        hung = processes(spotter)
        async with spotter.stream() as stream:
            os.kill(hung[0].pid, how)
            stream.push(Frame(np.zeros(FRAME, np.float32), 0))  # over before anything is missed
        await anyio.sleep(0.7)
        with anyio.fail_after(PATIENCE), pytest.raises(ProviderError, match="did not answer|its process ended"):
            async with spotter.stream():
                raise AssertionError("nobody was told")
        await gone(hung)
        spotter._engine.patience = patience
        assert await spotted(spotter, recording("slt-stop"))


async def test_one_that_only_waits_does_not_hang(spotter: SphinxSpotter) -> None:
    """Silence, for longer than it may take to answer."""
    patience, spotter._engine.patience = spotter._engine.patience, 2.0
    pid = spotter.pid
    try:
        assert await spotted(spotter, np.zeros(2 * CAPTURE_RATE, np.float32), wait=2.5) == []
    finally:
        spotter._engine.patience = patience
    assert spotter.pid == pid


def processes(spotter: SphinxSpotter) -> list[psutil.Process]:
    """The worker, and what it has started."""
    assert spotter.pid is not None
    worker = psutil.Process(spotter.pid)
    return [worker, *worker.children()]


async def gone(several: list[psutil.Process]) -> None:
    with anyio.fail_after(PATIENCE):
        while any(  # noqa: ASYNC110 - they are no tasks of ours
            one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in several
        ):
            await anyio.sleep(0.05)


async def test_its_processes_end_with_it() -> None:
    async with keyphrases.spotter({"phrases": ("stop",)}) as spotter:
        several = processes(spotter)
        assert len(several) == 2
    await gone(several)


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


def looks(*parts: tuple[float, float]) -> tuple[list[float], list[float]]:
    """Seconds at which a sound in parts (seconds, level) is decoded, and at which what was found in it is certain."""
    stretch, at = Stretch(), 0.0
    decoded: list[float] = []
    certain: list[float] = []
    for seconds, level in parts:
        for _ in range(round(seconds * CAPTURE_RATE / FRAME)):
            stretch.push(np.full(FRAME, level, np.float32).astype("<i2").tobytes(), level)
            at += FRAME / CAPTURE_RATE
            if stretch.due:
                decoded.append(round(at, 3))
                stretch.sound()
                stretch.found = {"phrase": "stop"}
            if stretch.certain():
                certain.append(round(at, 3))
    return decoded, certain


def test_it_decodes_the_first_quiet_frame_behind_a_voice_and_the_second_makes_it_certain() -> None:
    (decoded,), (certain,) = looks((0.5, 0.001), (0.4, 0.1), (1.0, 0.001))
    assert 0.9 < decoded < 0.95 and certain == round(decoded + FRAME / CAPTURE_RATE, 3)


def test_a_click_and_a_speech_are_no_phrase() -> None:
    assert looks((0.5, 0.001), (0.03, 0.1), (1.0, 0.001)) == ([], [])
    assert looks((0.5, 0.001), (LONGEST + 0.2, 0.1), (1.0, 0.001)) == ([], [])


def test_words_in_two_parts_are_looked_at_after_each() -> None:
    decoded, certain = looks((0.5, 0.001), (0.2, 0.1), (0.1, 0.001), (0.4, 0.1), (1.0, 0.001))
    assert len(decoded) == len(certain) == 2


def test_what_was_found_between_two_sounds_of_one_word_is_never_told() -> None:
    decoded, certain = looks((0.5, 0.001), (0.2, 0.1), (0.032, 0.001), (0.4, 0.1), (1.0, 0.001))
    assert len(decoded) == 2 and len(certain) == 1 and certain[0] > decoded[1]


def test_a_voice_that_comes_before_anything_was_decoded_is_waited_for() -> None:
    """The worker was busy for two frames."""
    stretch = Stretch()
    for level in (*[0.001] * 16, *[0.1] * 8, 0.001, 0.1):
        stretch.push(bytes(2 * FRAME), level)
    assert not stretch.due
    stretch.push(bytes(2 * FRAME), 0.001)
    assert stretch.due and stretch.certain() is None
