"""WAV devices: on virtual time to the sample, and once in real time."""

from __future__ import annotations

import threading
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import numpy as np
import pytest
import trio.testing

import assistant.audio.wav as wav_module
from assistant.audio.wav import WavDuplex
from assistant.audio.wavfile import WavWriter
from assistant.ports import FRAME, Duplex, Frame, ParleyError

RATE = 24_000
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}


def mic_file(path: Path, sound: np.ndarray, rate: int = 16_000) -> Path:
    with WavWriter(path, rate) as file:
        file.append(sound.astype(np.float32))
    return path


def played(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768


@asynccontextmanager
async def listening(duplex: WavDuplex) -> AsyncIterator[list[Frame]]:
    """``duplex``, started, with a task that takes its frames."""
    heard: list[Frame] = []

    async def listen() -> None:
        async for frame in duplex.frames():
            heard.append(frame)  # noqa: PERF401 - one by one, for the test looks on

    async with duplex, anyio.create_task_group() as tasks:
        duplex.start()
        tasks.start_soon(listen)
        yield heard
        tasks.cancel_scope.cancel()


def test_it_is_a_duplex() -> None:
    def takes(duplex: Duplex) -> Duplex:
        return duplex

    assert takes(WavDuplex(None, None)).underruns == 0


# --- microphone ---


@pytest.mark.parametrize("length", [0, 1, 511, 512, 513, 5000, 40_000])
async def test_every_sample_comes_when_it_is_over_and_then_silence(tmp_path: Path, length: int) -> None:
    sound = np.arange(1, length + 1) / 65536
    async with WavDuplex(mic_file(tmp_path / "mic.wav", sound), None) as duplex:
        await anyio.sleep(0.7)
        duplex.start()
        assert duplex.input_over == (length == 0)
        blocks: list[np.ndarray] = []
        async for frame in duplex.frames():
            assert duplex.now() == pytest.approx(frame.end, abs=1e-9)
            assert frame.start == len(blocks) * FRAME
            assert frame.samples.shape == (FRAME,) and frame.samples.dtype == np.float32
            blocks.append(frame.samples)
            assert duplex.input_over == (len(blocks) * FRAME >= length)
            if len(blocks) == length // FRAME + 3:
                break
        got = np.concatenate(blocks)
        np.testing.assert_allclose(got[:length], sound, atol=1 / 65536)
        assert not got[length:].any()


async def test_without_a_file_nobody_ever_speaks() -> None:
    async with listening(WavDuplex(None, None)) as heard:
        await anyio.sleep(1.0)
    assert len(heard) == 31
    assert not any(frame.samples.any() for frame in heard)


async def test_another_rate_is_resampled_in_step(tmp_path: Path) -> None:
    click = np.zeros(48_000)
    click[24_000] = 0.9
    duplex = WavDuplex(mic_file(tmp_path / "mic.wav", click, 48_000), None)
    async with listening(duplex) as heard:
        await anyio.sleep(1.1)
        assert duplex.input_over
    sound = np.concatenate([frame.samples for frame in heard])
    assert np.argmax(np.abs(sound)) == 8000


async def test_a_blocked_loop_gets_late_sound_at_once(tmp_path: Path) -> None:
    async with WavDuplex(None, None) as duplex:
        duplex.start()
        at = []
        async for frame in duplex.frames():
            at.append(duplex.now() - frame.end)
            if len(at) == 1:
                await anyio.sleep(0.5)  # whoever takes the frames is busy
            if len(at) == 30:
                break
    assert at[1] == pytest.approx(0.468)
    assert at[15] == pytest.approx(0.02) and at[16] == pytest.approx(0.0, abs=1e-9)


async def test_frames_before_the_start_are_a_mistake() -> None:
    async with WavDuplex(None, None) as duplex:
        with pytest.raises(RuntimeError, match="start"):
            await anext(duplex.frames())


async def test_bad_files_are_refused_when_opened(tmp_path: Path) -> None:
    good = mic_file(tmp_path / "mic.wav", np.zeros(10))
    with pytest.raises(ParleyError, match="no sound file"):
        async with WavDuplex(tmp_path / "nobody.wav", None):
            pass
    with pytest.raises(ParleyError, match="no folder"):
        async with WavDuplex(good, tmp_path / "nowhere" / "out.wav"):
            pass


# --- loudspeaker ---


async def test_sound_lands_in_the_file_at_the_moment_it_was_queued(tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    duplex = WavDuplex(None, out)
    async with listening(duplex):
        await anyio.sleep(1.0)
        assert duplex.play(np.full(2400, 0.5, np.float32), first=True) == 0
        await anyio.sleep(0.05)
        assert duplex.heard() == 1200
        assert duplex.play(np.full(2400, 0.25, np.float32), first=False) == 2400
        assert duplex.time_of(2400) == pytest.approx(1.1)
        await anyio.sleep(1.0)
        assert duplex.underruns == 0
        duplex.play(np.full(100, 0.5, np.float32), first=False)
        assert duplex.underruns == 1
        await anyio.sleep(3.0)
        assert duplex.heard() == 4900
    sound = played(out)
    assert len(sound) == round(5.05 * RATE)
    expected = np.zeros(len(sound))
    expected[24_000:26_400], expected[26_400:28_800], expected[49_200:49_300] = 0.5, 0.25, 0.5
    np.testing.assert_array_equal(sound, expected)


async def test_pause_resume_and_drop(tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    duplex = WavDuplex(None, out)
    async with listening(duplex):
        duplex.play(np.full(RATE, 0.5, np.float32), first=True)
        await anyio.sleep(0.1)
        duplex.pause()
        await anyio.sleep(0.3)
        assert duplex.heard() == 2400
        duplex.resume()
        await anyio.sleep(0.1)
        assert duplex.heard() == 4800
        assert duplex.drop() == 4920
        await anyio.sleep(0.5)
        assert duplex.heard() == 4920
    loud = np.flatnonzero(played(out))
    assert loud[0] == 0 and loud[2399] == 2399 and loud[2400] == 9600 and loud[-1] == 9600 + 2400 + 119


async def test_a_tap_hears_everything_on_the_microphones_clock(tmp_path: Path) -> None:
    duplex = WavDuplex(None, tmp_path / "out.wav")
    stretches: list[np.ndarray] = []
    duplex.tap(stretches.append)
    async with listening(duplex):
        await anyio.sleep(0.5)
        duplex.play(np.full(RATE, 0.5, np.float32), first=True)
        await anyio.sleep(0.7)
        assert {len(stretch) for stretch in stretches} == {768}
    np.testing.assert_array_equal(np.concatenate(stretches), played(tmp_path / "out.wav"))


async def test_none_discards_at_the_same_pace() -> None:
    duplex = WavDuplex(None, None)
    async with listening(duplex):
        duplex.play(np.ones(RATE, np.float32), first=True)
        await anyio.sleep(0.25)
        assert duplex.heard() == 6000


@pytest.mark.parametrize("how", ["normal", "exception", "cancelled"])
async def test_the_file_is_complete_however_it_ends(tmp_path: Path, how: str) -> None:
    out = tmp_path / "out.wav"

    async def session() -> None:
        duplex = WavDuplex(None, out)
        async with duplex:
            duplex.start()
            duplex.play(np.full(2 * RATE, 0.5, np.float32), first=True)
            with anyio.move_on_after(1.5):
                async for _ in duplex.frames():
                    pass
            if how == "exception":
                raise KeyError("something else")
            if how == "cancelled":
                scope.cancel()
                await anyio.lowlevel.checkpoint()

    with anyio.CancelScope() as scope:
        if how == "exception":
            with pytest.raises(KeyError):
                await session()
        else:
            await session()
    assert len(played(out)) == round(1.5 * RATE)
    assert not [thread for thread in threading.enumerate() if thread.name == "parley-disk"]


async def test_an_hour_in_virtual_time_loses_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    duplex = WavDuplex(None, out)
    async with listening(duplex) as heard:
        await anyio.sleep(600.0)
        duplex.play(np.full(RATE, 0.5, np.float32), first=True)
        await anyio.sleep(10.0)
    sound = played(out)
    assert len(sound) == 610 * RATE
    assert np.flatnonzero(sound)[[0, -1]].tolist() == [600 * RATE, 601 * RATE - 1]
    assert len(heard) == int(610 / 0.032)


async def test_a_full_disk_gives_one_warning_and_the_conversation_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(WavWriter):
        """A disk that takes one second."""

        def append(self, samples: np.ndarray, *, at: int | None = None) -> None:
            if (at or 0) >= RATE:
                self.length = (at or 0) + len(samples)
                raise OSError(28, "No space left on device")
            super().append(samples, at=at)

    monkeypatch.setattr(wav_module, "WavWriter", Full)
    warnings: list[str] = []
    duplex = WavDuplex(None, tmp_path / "out.wav", on_warning=warnings.append)
    async with listening(duplex) as heard:
        await anyio.sleep(19.99)
        duplex.play(np.ones(10, np.float32), first=True)
    assert len(heard) == 624
    assert len(warnings) == 1
    assert "out.wav cannot be written any further (No space left on device)" in warnings[0]
    assert len(played(tmp_path / "out.wav")) >= 0.9 * RATE


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_in_real_time_the_file_grows_as_it_is_heard(tmp_path: Path, anyio_backend: str) -> None:
    mic = mic_file(tmp_path / "mic.wav", np.full(16_000, 0.5))
    out = tmp_path / "out.wav"
    async with WavDuplex(mic, out) as duplex:
        duplex.start()
        duplex.play(np.full(RATE, 0.5, np.float32), first=True)
        count = 0
        async for frame in duplex.frames():
            assert duplex.now() >= frame.end  # never early
            count += 1
            if count == 40:
                break
        assert len(played(out)) >= 0.9 * RATE  # valid while it is still open
        assert duplex.heard() == RATE and duplex.input_over
    assert len(played(out)) >= 40 * 768
