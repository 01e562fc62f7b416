"""How loud the assistant speaks: one gain over all that it plays."""

from __future__ import annotations

import math

import numpy as np

from assistant.ports import Samples

LEAST, MOST = -24.0, 6.0
"""dB. Quieter could not be asked to be louder by somebody who does not hear it; louder is mostly distortion."""
KNEE = 0.8
"""A gain over 0 dB leaves samples below this as they come out, and bends what is above so that 1.0 is not reached."""
RAMP = 240
"""Samples over which a new gain is faded in: 10 ms at 24 kHz, without a click."""


class Volume:
    """0 dB leaves every sample as it is."""

    def __init__(self) -> None:
        self.db = 0.0
        self._reached = 1.0
        """The factor at the end of what was played last."""

    def change(self, by_db: float) -> None:
        """As far as the limits go."""
        self.db = min(MOST, max(LEAST, self.db + by_db))

    def set(self, share: float) -> None:
        """``share`` of the normal amplitude: 1 is 0 dB, 0.5 is -6 dB; at the least `LEAST`."""
        self.db = LEAST if share <= 0 else min(MOST, max(LEAST, 20 * math.log10(share)))

    def applied(self, samples: Samples) -> Samples:
        """The next stretch of sound, as loud as it is to be. Shape (n,), float32, any rate."""
        factor = 1.0 if self.db == 0 else 10 ** (self.db / 20)
        if not len(samples) or factor == self._reached == 1.0:
            return samples
        gains: Samples | np.float32 = np.float32(factor)
        if factor != self._reached:
            gains = np.full(len(samples), factor, np.float32)
            length = min(RAMP, len(samples))
            gains[:length] = np.linspace(self._reached, factor, length, dtype=np.float32)
        loudest = max(factor, self._reached)
        self._reached = factor
        louder = samples * gains
        return _limited(louder) if loudest > 1.0 else louder


def _limited(samples: Samples) -> Samples:
    """Above `KNEE` a hyperbolic tangent, which goes on smoothly from there and stays below 1."""
    size = np.abs(samples)
    if not np.any(size > KNEE):
        return samples
    room = np.float32(1 - KNEE)
    bent = np.copysign(KNEE + room * np.tanh((size - np.float32(KNEE)) / room), samples)
    return np.where(size > KNEE, bent, samples).astype(np.float32)
