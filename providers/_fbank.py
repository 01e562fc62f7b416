"""Sound -> the log filterbank that speaker networks of the WeSpeaker kind take, in numpy.

The definition is Kaldi's (feature-window.cc, mel-computations.cc) with WeSpeaker's settings: samples at 16-bit scale,
25 ms windows each 10 ms that lie wholly inside the sound; their mean removed, pre-emphasis of 0.97, a Hamming window;
power of 512 points into 80 triangles on Kaldi's mel scale from 20 Hz to 8 kHz; the natural logarithm; and of each band
the mean over time removed.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from assistant.ports import CAPTURE_RATE, Samples

LENGTH, HOP, POINTS, BANDS = 400, 160, 512, 80
LOWEST = 20.0
"""Hz."""
EMPHASIS = 0.97
SCALE = 32768.0


def fbank(samples: Samples) -> NDArray[np.float32]:
    """Of float32 at CAPTURE_RATE, at least LENGTH of them; shape (1 + (n - LENGTH) // HOP, BANDS)."""
    windows = np.lib.stride_tricks.sliding_window_view(samples * np.float32(SCALE), LENGTH)[::HOP]
    windows = windows - windows.mean(axis=1, keepdims=True)
    before = np.concatenate([windows[:, :1], windows[:, :-1]], axis=1)
    spectrum = np.fft.rfft((windows - EMPHASIS * before) * np.hamming(LENGTH), POINTS, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    logs = np.log(np.maximum(power @ _triangles().T, np.finfo(np.float32).eps))
    centred: NDArray[np.float32] = (logs - logs.mean(axis=0)).astype(np.float32)
    return centred


@cache
def _triangles() -> NDArray[np.float64]:
    """Shape (BANDS, POINTS / 2 + 1). They are straight in mel, not in Hz."""
    edges = np.linspace(_mel(np.array(LOWEST)), _mel(np.array(CAPTURE_RATE / 2)), BANDS + 2)
    bins = _mel(np.arange(POINTS // 2 + 1) * CAPTURE_RATE / POINTS)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles: NDArray[np.float64] = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre))
    return np.maximum(triangles, 0.0)


def _mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1127.0 * np.log1p(hertz / 700.0)
