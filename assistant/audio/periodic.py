"""How periodic a frame of captured sound is, as vowels and tones are and noises are not. Numpy, and nothing else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assistant.ports import CAPTURE_RATE, FRAME, Samples

SIZE = 2 * FRAME
"""Of the transform: a frame and as many zeros, so that the autocorrelation does not wrap around."""
LOWEST, HIGHEST = 70, 400
"""Hz of a voice."""
_LAGS = slice(CAPTURE_RATE // HIGHEST, CAPTURE_RATE // LOWEST + 1)
_WINDOW: NDArray[np.float32] = np.hanning(FRAME).astype(np.float32)
_BIAS: NDArray[np.float32] = np.fft.irfft(np.abs(np.fft.rfft(_WINDOW, SIZE)) ** 2)[:FRAME].astype(np.float32)
"""The window's own autocorrelation, which a periodic sound's is divided by (P. Boersma, 1993)."""


def spectrum(samples: Samples) -> NDArray[np.float64]:
    """The power of FRAME samples at SIZE // 2 + 1 frequencies from 0 to half of CAPTURE_RATE."""
    power: NDArray[np.float64] = np.abs(np.fft.rfft(samples * _WINDOW, SIZE)) ** 2
    return power


def periodic(power: NDArray[np.float64]) -> tuple[float, float]:
    """Of such a spectrum: the strongest autocorrelation between LOWEST and HIGHEST, 0 to 1 (1 is perfectly periodic),
    and the Hz at which that is. Nothing at all is not periodic."""
    correlation = np.fft.irfft(power)[:FRAME]
    if correlation[0] < 1e-7:
        return 0.0, 0.0
    normal = correlation[_LAGS] / correlation[0] / np.maximum(_BIAS[_LAGS] / _BIAS[0], 0.05)
    best = int(np.argmax(normal))
    return float(min(1.0, max(0.0, normal[best]))), CAPTURE_RATE / (best + _LAGS.start)
