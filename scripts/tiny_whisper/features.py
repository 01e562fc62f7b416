"""Sound -> the mel power that Whisper looks at, and noises that are no speech."""

from __future__ import annotations

import numpy as np
import torch
from faster_whisper.feature_extractor import FeatureExtractor
from numpy.typing import NDArray

Mel = NDArray[np.float32]
"""Shape (80, n), one column for 10 ms."""

_FILTERS = torch.from_numpy(FeatureExtractor().mel_filters)
_WINDOW = torch.hann_window(400)
FLOOR = 1e-10


def power(samples: NDArray[np.float32]) -> Mel:
    """Mel power, framed exactly as faster-whisper frames it: a hop padded behind, the last frame dropped."""
    padded = torch.from_numpy(np.pad(samples.astype(np.float32), (0, 160)))
    spectrum = torch.stft(padded, 400, 160, window=_WINDOW, center=True, pad_mode="reflect", return_complex=True)
    mel: Mel = (_FILTERS @ spectrum[:, :-1].abs() ** 2).numpy()
    return mel[:, : (len(samples)) // 160]


def log_power(samples: NDArray[np.float32]) -> NDArray[np.float16]:
    """Decimal logarithm of ``power``, in half the memory."""
    return np.log10(np.maximum(power(samples), FLOOR)).astype(np.float16)


def normalised(mel: Mel) -> Mel:
    """What the encoder is shown: eight decades under the loudest, scaled to about [-1, 1]."""
    log = np.log10(np.maximum(mel, FLOOR))
    log = np.maximum(log, log.max() - 8)
    return ((log + 4) / 4).astype(np.float32)


NOISE_KINDS = 8
STEADY_NOISES = 4
"""The first kinds: white, pink, brown, band."""


def noises(count: int = 80, seconds: int = 8, seed: int = 0) -> list[NDArray[np.float32]]:
    """Noises of all kinds in turn, 16 kHz, peak at half scale."""
    rng = np.random.default_rng(seed)
    found = []
    for index in range(count):
        noise = _noise(index % NOISE_KINDS, seconds * 16_000, rng)
        noise = noise / np.abs(noise).max() * 0.5
        if rng.random() < 0.3:
            noise = noise * (0.5 + 0.5 * np.sin(2 * np.pi * rng.uniform(0.1, 1) * np.arange(len(noise)) / 16_000))
        found.append(noise.astype(np.float32))
    return found


def _noise(kind: int, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    frequency = np.fft.rfftfreq(count, 1 / 16_000)
    time = np.arange(count) / 16_000
    white = rng.normal(size=len(frequency)) + 1j * rng.normal(size=len(frequency))
    if kind == 0:
        return np.fft.irfft(white)
    if kind == 1:
        return np.fft.irfft(white / np.sqrt(frequency + 20))
    if kind == 2:
        return np.fft.irfft(white / (frequency + 30))
    if kind == 3:  # a band
        low, width = rng.uniform(50, 4000), rng.uniform(200, 3000)
        return np.fft.irfft(white * ((frequency > low) & (frequency < low + width)))
    if kind == 4:  # hum
        hum = sum(np.sin(2 * np.pi * h * rng.uniform(49, 61) * time + rng.uniform(0, 6)) / h for h in range(1, 12))
        return hum + 0.05 * rng.normal(size=count)
    if kind == 5:  # tones, chords, beeps
        tones = sum(np.sin(2 * np.pi * rng.uniform(100, 3500) * time) for _ in range(rng.integers(1, 5)))
        return tones * (np.sin(2 * np.pi * rng.uniform(0.5, 6) * time) > 0) if rng.random() < 0.5 else tones
    if kind == 6:  # clicks and knocks
        clicks = 0.001 * rng.normal(size=count)
        decay = np.arange(2000)
        for _ in range(rng.integers(4, 60)):
            at = rng.integers(0, count - 2000)
            clicks[at : at + 2000] += (
                rng.uniform(0.2, 1) * rng.normal(size=2000) * np.exp(-decay / rng.uniform(20, 500))
            )
        return clicks
    sweep = 300 + 1000 * (1 + np.sin(2 * np.pi * rng.uniform(0.1, 2) * time))
    return np.sin(2 * np.pi * np.cumsum(sweep) / 16_000)
