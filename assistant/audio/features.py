"""What tells a voice from a noise in a frame of captured sound: less than 0.1 ms of numpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assistant.conversation.sounding import Sounding
from assistant.ports import CAPTURE_RATE, FRAME, Frame, Samples

SIZE = 2 * FRAME
"""Of the transform: a frame and as many zeros, so that the autocorrelation does not wrap around."""
LOWEST, HIGHEST = 70, 400
"""Hz of a voice."""
_LAGS = slice(CAPTURE_RATE // HIGHEST, CAPTURE_RATE // LOWEST + 1)
_WINDOW: NDArray[np.float32] = np.hanning(FRAME).astype(np.float32)
_BIAS: NDArray[np.float32] = np.fft.irfft(np.abs(np.fft.rfft(_WINDOW, SIZE)) ** 2)[:FRAME].astype(np.float32)
"""The window's own autocorrelation, which a periodic sound's is divided by (P. Boersma, 1993)."""
_HZ = SIZE / CAPTURE_RATE
_BAND = slice(round(100 * _HZ), round(6000 * _HZ))
_LOW, _HIGH = round(500 * _HZ), round(3000 * _HZ)


def sounding(frame: Frame, probability: float, levels: Sequence[float], taken: float = 0.0) -> Sounding:
    """``frame`` of FRAME samples, float32; ``probability`` of speech; ``levels`` of its 2 ms blocks, dBFS (see
    `assistant.audio.frames.levels`); ``taken``: dB that an echo canceller took off it."""
    power = np.abs(np.fft.rfft(frame.samples * _WINDOW, SIZE)) ** 2
    voicing, pitch = _periodic(power)
    band = power[_BAND] + 1e-9
    total = float(band.sum())
    flatness = 10 * float(np.mean(np.log10(band))) - 10 * float(np.log10(np.mean(band)))
    return Sounding(
        end=frame.end,
        probability=probability,
        level=_level(frame.samples),
        voicing=voicing,
        pitch=pitch,
        flatness=flatness,
        low=float(band[: _LOW - _BAND.start].sum()) / total,
        high=float(band[_HIGH - _BAND.start :].sum()) / total,
        attack=_attack(levels),
        taken=taken,
    )


def _periodic(power: NDArray[np.float64]) -> tuple[float, float]:
    correlation = np.fft.irfft(power)[:FRAME]
    if correlation[0] < 1e-7:
        return 0.0, 0.0
    normal = correlation[_LAGS] / correlation[0] / np.maximum(_BIAS[_LAGS] / _BIAS[0], 0.05)
    best = int(np.argmax(normal))
    return float(min(1.0, max(0.0, normal[best]))), CAPTURE_RATE / (best + _LAGS.start)


def _level(samples: Samples) -> float:
    return 10 * float(np.log10(np.dot(samples, samples) / max(1, len(samples)) + 1e-12))


def _attack(levels: Sequence[float]) -> float:
    """The largest rise within 6 ms; from the softest level that a microphone has."""
    held = [max(level, -70.0) for level in levels]
    return max((late - min(held[max(0, at - 3) : at]) for at, late in enumerate(held) if at), default=0.0)
