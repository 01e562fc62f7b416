"""Sound -> the log-mel picture that Whisper's encoders take, in numpy.

The definition is Whisper's (Radford et al. 2022; the same numbers as OpenAI's and Hugging Face's extractors to within
1e-4): 25 ms Hann windows each 10 ms, mirrored at both ends; power into 80 triangular filters of equal area on Slaney's
mel scale up to 8 kHz; log10, no more than 8 under the loudest; (x + 4) / 4. The sound is first brought to mean 0 and
variance 1, as Smart Turn was trained.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from assistant.ports import CAPTURE_RATE, Samples

LENGTH, HOP, MELS = 400, 160, 80
"""Samples in a window, samples between two, filters."""
FLOOR = 1e-10
"""Least power of a filter."""
RANGE = 8.0
"""log10 of power that the picture shows under its loudest point."""
TINY = 1e-7
"""Added to the variance, so that silence is not divided by zero."""


def log_mel(samples: Samples) -> NDArray[np.float32]:
    """The picture of ``samples`` (float32 at CAPTURE_RATE, a whole number of HOPs), shape (MELS, len / HOP)."""
    samples = (samples - samples.mean()) / np.sqrt(samples.var() + TINY)
    padded = np.pad(samples, LENGTH // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, LENGTH)[::HOP][: len(samples) // HOP]
    logs = np.log10(np.maximum(filters(MELS) @ power(windows).T, FLOOR))
    result: NDArray[np.float32] = ((np.maximum(logs, logs.max() - RANGE) + 4.0) / 4.0).astype(np.float32)
    return result


def power(windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The power spectrum of stretches of LENGTH samples under a Hann window, shape (n, LENGTH / 2 + 1)."""
    spectrum = np.fft.rfft(windows * _hann(), axis=1)
    return (spectrum.real**2 + spectrum.imag**2).astype(np.float32, copy=False)


@cache
def _hann() -> NDArray[np.float32]:
    return np.hanning(LENGTH + 1)[:-1].astype(np.float32)


@cache
def filters(count: int) -> NDArray[np.float32]:
    """So many triangles of equal area up to half of CAPTURE_RATE, shape (count, LENGTH / 2 + 1)."""
    edges = _hertz(np.linspace(0.0, _mel(CAPTURE_RATE / 2), count + 2))
    bins = np.linspace(0.0, CAPTURE_RATE / 2, LENGTH // 2 + 1)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre))
    return (np.maximum(triangles, 0.0) * (2.0 / (high - low))).astype(np.float32)


def _mel(hertz: float) -> float:
    """Slaney's scale: linear up to 1 kHz (15 mels), then 27 mels for a factor of 6.4."""
    return 3 * hertz / 200 if hertz < 1000 else 15 + 27 * float(np.log(hertz / 1000) / np.log(6.4))


def _hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mels < 15, 200 * mels / 3, 1000 * 6.4 ** ((mels - 15) / 27))
