"""What the loudspeaker played, to be read again at the microphone's rate at any moment of the recent past.

The reader is a windowed-sinc interpolator (J. O. Smith, "Digital Audio Resampling", https://ccrma.stanford.edu/~jos/resample/)
and not a stream resampler, for two reasons: sound can be read 2.7 ms after it was played, where soxr holds it back for
10 ms; and it can be read at any delay and speed, so a late or a drifting echo is exact to a fraction of a sample.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from assistant.ports import CAPTURE_RATE, Samples

REACH = 1 / 375
"""Seconds that the interpolator looks to either side: 64 samples at 24 kHz."""
SOONEST = REACH + 1 / CAPTURE_RATE
"""Seconds after it was played that sound can be read."""
PHASES = 960
"""Positions between two samples: those of 8 to 96 kHz read at 16 kHz are all multiples of 1/320, so they are exact."""
BETA = 6.0
"""The Kaiser window's: what lies over the new rate's half is 60 dB down, save the 400 Hz beside it."""


class FarEnd:
    """One loudspeaker's sound. Push what left it, from t = 0 on, and read it in order of time.

    Only what lies behind the last read is kept, so memory is the longest delay that is read at.
    """

    def __init__(self, rate: int) -> None:
        """``rate``: Hz of what is pushed."""
        self.rate = rate
        self._reach = math.ceil(REACH * rate)
        self._taps = _taps(rate, self._reach)
        self._kept = np.zeros(4 * rate // 10, np.float32)
        self._length = self._reach
        """Samples of ``_kept`` in use. The first ones are the silence before t = 0."""
        self._start = -self._reach
        """Index, since t = 0, of the first of them."""

    @property
    def end(self) -> int:
        """Samples pushed so far."""
        return self._start + self._length

    def push(self, samples: Samples) -> None:
        """Take the next samples (float32, at ``rate``); they are copied."""
        if self._length + len(samples) > len(self._kept):
            kept = np.zeros(2 * (self._length + len(samples)), np.float32)
            kept[: self._length] = self._kept[: self._length]
            self._kept = kept
        self._kept[self._length : self._length + len(samples)] = samples
        self._length += len(samples)

    def read(self, at: float, count: int, speed: float = 1.0) -> Samples:
        """``count`` samples at 16 kHz, the first of them played ``at`` seconds after t = 0.

        ``speed``: seconds of the loudspeaker in one of the microphone. What is not played yet, or lies before the last
        read, is silence.
        """
        step = speed * self.rate / CAPTURE_RATE
        first = at * self.rate
        start, end = math.floor(first) - self._reach + 1, math.floor(first + (count - 1) * step) + self._reach + 2
        window = self._window(start, end)
        self._forget(start)
        if not window.any():
            return np.zeros(count, np.float32)
        places = np.rint((np.arange(count) * step + (first - math.floor(first))) * PHASES).astype(np.intp)
        rows, phases = np.divmod(places, PHASES)
        around = as_strided(window, (len(window) - 2 * self._reach + 1, 2 * self._reach), 2 * window.strides)
        read: Samples = np.vecdot(around[rows], self._taps[phases])
        return read

    def _window(self, start: int, end: int) -> Samples:
        """Samples [start, end), zeros where there are none."""
        first, last = start - self._start, end - self._start
        if first >= 0 and last <= self._length:
            return self._kept[first:last]
        window = np.zeros(end - start, np.float32)
        here = self._kept[max(0, first) : max(0, min(last, self._length))]
        window[max(0, -first) : max(0, -first) + len(here)] = here
        return window

    def _forget(self, before: int) -> None:
        """Make room for the next push, seldom: to move what is kept costs as much as to copy it."""
        behind = min(before - self._start, self._length)
        if behind > len(self._kept) // 2:
            self._length -= behind
            self._start += behind
            self._kept[: self._length] = self._kept[behind : behind + self._length].copy()


@cache
def _taps(rate: int, reach: int) -> NDArray[np.float32]:
    """The interpolator for each phase, (PHASES, 2 * reach): a low-pass at half the lower rate, of gain 1 for what does
    not change."""
    cutoff = min(1.0, CAPTURE_RATE / rate)
    distance = np.arange(PHASES)[:, None] / PHASES + reach - 1 - np.arange(2 * reach)
    window = np.i0(BETA * np.sqrt(np.maximum(0.0, 1.0 - (distance / reach) ** 2)))
    taps = np.sinc(cutoff * distance) * window
    scaled: NDArray[np.float32] = (taps / taps.sum(axis=1, keepdims=True)).astype(np.float32)
    return scaled
