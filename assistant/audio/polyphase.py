"""Sound at one rate -> sound at another, without the 10 ms that a better filter holds back.

A device callback must produce exactly the number of samples it is asked for, from memory claimed beforehand, and a
capture frame must not wait for the block behind it: so this filter is short (about 1 ms of delay), made once, and
consumes and yields counts that are known in advance. Windowed sinc, Kaiser window (Oppenheim & Schafer,
Discrete-Time Signal Processing, 7.5).
"""

from __future__ import annotations

from math import gcd

import numpy as np

from assistant.ports import Samples

ZEROS = 16
"""Zero crossings of the sinc on each side."""
BETA = 7.0
"""Kaiser: about 70 dB of stop band."""


class Polyphase:
    """A stream of mono sound from one rate to another; endless, so there is nothing to flush."""

    def __init__(self, from_rate: int, to_rate: int, block: int) -> None:
        """Rates in Hz. ``block``: the most samples asked for, or given, in one call."""
        divisor = gcd(from_rate, to_rate)
        self._up = to_rate // divisor
        self._down = from_rate // divisor
        wide = max(1.0, from_rate / to_rate)
        half = int(np.ceil(ZEROS * wide))
        self.taps = 2 * half
        self.delay = (half + 1) / from_rate
        """Seconds by which what comes out is older than what went in."""
        # Row p: the filter for an output that lies p / up of an input sample behind the middle of its window.
        at = np.arange(self.taps)[None, :] - half + 1 - np.arange(self._up)[:, None] / self._up
        window = np.i0(BETA * np.sqrt(np.maximum(0.0, 1.0 - (at / half) ** 2))) / np.i0(BETA)
        table = np.sinc(at / wide * 0.94) * window
        self._table = (table / table.sum(axis=1, keepdims=True)).astype(np.float32)
        most = block * max(1, -(-self._down // self._up)) + self.taps + 1
        self._input = np.zeros(most + self.taps, np.float32)
        outputs = block * max(1, -(-self._up // self._down)) + 1
        self._steps = np.arange(outputs, dtype=np.int64) * self._down
        self._ticks = np.empty(outputs, np.int64)
        self._rows = np.empty(outputs, np.int64)
        self._offsets = np.arange(self.taps, dtype=np.int64)
        self._indices = np.empty((outputs, self.taps), np.int64)
        self._gathered = np.empty((outputs, self.taps), np.float32)
        self._filters = np.empty((outputs, self.taps), np.float32)
        self._phase = 0

    def needed(self, count: int) -> int:
        """Input samples that the next ``count`` output samples use up."""
        return (self._phase + count * self._down) // self._up

    def ready(self, count: int) -> int:
        """Output samples that the next ``count`` input samples give."""
        return -(-(count * self._up - self._phase) // self._down)

    def inlet(self, count: int) -> Samples:
        """The memory into which the next ``count`` input samples go; then call `convert`."""
        return self._input[self.taps : self.taps + count]

    def convert(self, count: int, out: Samples) -> None:
        """Fill ``out`` (n,) from what is known and the ``count`` samples put into the `inlet`."""
        n = len(out)
        if n:
            ticks, rows = self._ticks[:n], self._rows[:n]
            np.add(self._steps[:n], self._phase, out=ticks)
            np.floor_divide(ticks, self._up, out=rows)
            np.remainder(ticks, self._up, out=ticks)
            gathered, filters = self._gathered[:n], self._filters[:n]
            indices = self._indices[:n]
            np.add(rows[:, None], self._offsets, out=indices)
            np.take(self._input, indices, out=gathered, mode="clip")  # "clip" is the mode that does not buffer
            np.take(self._table, ticks, axis=0, out=filters, mode="clip")
            np.multiply(gathered, filters, out=filters)
            np.sum(filters, axis=1, out=out)
        self._phase += n * self._down - count * self._up
        self._input[: self.taps] = self._input[count : count + self.taps]
