"""What tells a voice from a noise in a frame of captured sound: less than 0.1 ms of numpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assistant.audio.periodic import SIZE, periodic, spectrum
from assistant.conversation.sounding import Sounding
from assistant.ports import CAPTURE_RATE, Frame, Samples

_HZ = SIZE / CAPTURE_RATE
_BAND = slice(round(100 * _HZ), round(6000 * _HZ))
_LOW, _HIGH = round(500 * _HZ), round(3000 * _HZ)


def sounding(frame: Frame, probability: float, levels: Sequence[float], taken: float = 0.0) -> Sounding:
    """``frame`` of FRAME samples, float32; ``probability`` of speech; ``levels`` of its 2 ms blocks, dBFS (see
    `assistant.audio.frames.levels`); ``taken``: dB that an echo canceller took off it."""
    power = spectrum(frame.samples)
    voicing, pitch = periodic(power)
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


def _level(samples: Samples) -> float:
    return 10 * float(np.log10(np.dot(samples, samples) / max(1, len(samples)) + 1e-12))


def _attack(levels: Sequence[float]) -> float:
    """The largest rise within 6 ms; from the softest level that a microphone has."""
    held = [max(level, -70.0) for level in levels]
    return max((late - min(held[max(0, at - 3) : at]) for at, late in enumerate(held) if at), default=0.0)
