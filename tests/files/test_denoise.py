"""Steady noise under recorded speech, taken out by the real processing module."""

from __future__ import annotations

import numpy as np
import pytest

from assistant.files.denoise import Denoiser
from tests.files.media import conversation

pytest.importorskip("livekit.rtc", reason="livekit is not installed (the extra 'echo')")


def denoised(sound: np.ndarray, piece: int = 5_000) -> np.ndarray:
    denoiser, samples = Denoiser(), sound.astype(np.float32)
    pieces = [denoiser.push(samples[at : at + piece]) for at in range(0, len(samples), piece)]
    return np.concatenate([*pieces, denoiser.push(np.empty(0, np.float32), last=True)])


def level(sound: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(sound)) + 1e-12))


def test_noise_goes_and_speech_stays_in_step() -> None:
    clean, starts = conversation("slt-tell-me-a-joke", "slt-what-is-two-plus-two", gap=2.5)
    noise = np.random.default_rng(2).standard_normal(len(clean)) * 10 ** (-40 / 20)
    heard = denoised(clean + noise)
    assert len(heard) == len(clean)
    pause = slice(round((starts[1] - 1.0) * 16_000), round((starts[1] - 0.1) * 16_000))
    assert level(heard[pause]) < level(noise[pause]) - 8
    # Loudness over time, 10 ms at a time: speech is where it was.
    envelope, original = (
        np.sqrt(np.mean(np.square(x[: len(x) // 160 * 160].reshape(-1, 160)), axis=1)) for x in (heard, clean)
    )
    envelope, original = envelope - envelope.mean(), original - original.mean()
    lags = [float(np.dot(np.roll(envelope, -lag), original)) for lag in range(-20, 21)]
    assert abs(int(np.argmax(lags)) - 20) <= 1
    assert max(lags) > 0.7 * np.sqrt(np.dot(envelope, envelope) * np.dot(original, original))


@pytest.mark.parametrize("piece", [1, 160, 159, 10**6])
def test_the_size_of_the_pieces_changes_nothing(piece: int) -> None:
    sound = np.random.default_rng(4).standard_normal(4_000) * 0.05
    assert np.array_equal(denoised(sound, piece), denoised(sound, 1_000))


@pytest.mark.parametrize("samples", [0, 1, 100, 161])
def test_as_much_comes_out_as_went_in(samples: int) -> None:
    assert len(denoised(np.zeros(samples))) == samples
