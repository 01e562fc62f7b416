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
        self._factor = self._reached = 1.0
        """Where the gain is going, and where it was at the end of what was played last."""
        self._left = 0
        """Samples until it is there."""

    def change(self, by_db: float) -> None:
        """As far as the limits go."""
        self.db = min(MOST, max(LEAST, self.db + by_db))

    def set(self, share: float) -> None:
        """``share`` of the normal amplitude: 1 is 0 dB, 0.5 is -6 dB; at the least `LEAST`."""
        self.db = LEAST if share <= 0 else min(MOST, max(LEAST, 20 * math.log10(share)))

    def applied(self, samples: Samples, *, first: bool = False) -> Samples:
        """The next stretch of sound, as loud as it is to be. Shape (n,), float32, any rate; ``first`` of a reply: a new
        gain holds from its first sample on."""
        factor = 1.0 if self.db == 0 else 10 ** (self.db / 20)
        if factor != self._factor:
            self._factor, self._left = factor, RAMP
        if first:
            self._reached, self._left = factor, 0
        if not len(samples) or (factor == 1.0 and not self._left):
            return samples
        loudest = max(factor, self._reached)
        changed = samples * self._gains(len(samples))
        return _limited(changed) if loudest > 1.0 else changed

    def _gains(self, count: int) -> Samples:
        gains = np.full(count, self._factor, np.float32)
        length = min(self._left, count)
        if length:
            steps = np.arange(1, length + 1, dtype=np.float32) / np.float32(self._left)
            gains[:length] = self._reached + (self._factor - self._reached) * steps
            self._left -= length
            self._reached = float(gains[length - 1]) if self._left else self._factor
        return gains


def _limited(samples: Samples) -> Samples:
    """Above `KNEE` a hyperbolic tangent, which goes on smoothly from there and stays below 1."""
    size = np.abs(samples)
    if not np.any(size > KNEE):
        return samples
    room = np.float32(1 - KNEE)
    bent = np.copysign(KNEE + room * np.tanh((size - np.float32(KNEE)) / room), samples)
    return np.where(size > KNEE, bent, samples).astype(np.float32)
