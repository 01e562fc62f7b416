"""How late an echo comes, found while an assistant speaks, whoever else does. Pure.

The two sounds are correlated over a second at a time, with all frequencies of the loudspeaker's made as strong as each
other (the Roth processor; C. H. Knapp and G. C. Carter, "The generalized correlation method for estimation of time
delay", 1976): so a room's first arrival stands out. `assistant.audio.echopath` measures more, and needs seconds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assistant.ports import Samples

SIZE = 16_384
"""Samples that are compared, at 16 kHz."""
LATEST = SIZE // 2
"""Samples up to which an echo is looked for: half a second."""
EVERY = 6144
"""Samples from one look to the next."""
LOUD = 0.01
"""Root mean square (-40 dBFS) of the loudspeaker's sound in that time from which there is an echo to look for."""
KEPT = 0.8
"""Share of the looks before in a new one."""
STANDS_OUT = 8.0
"""Times by which an arrival exceeds the median of the others."""
ONSET, BEFORE = 0.4, 960
"""Share of the strongest arrival from which the first one counts, and samples before it in which that is looked for:
reflections may gather to more than it."""
SAME = 32
"""Samples by which two looks may differ that found the same."""


class DelaySearch:
    """Push both sounds, in order and in pieces of any length."""

    def __init__(self) -> None:
        self._far = np.zeros(SIZE, np.float32)
        self._near = np.zeros(SIZE, np.float32)
        self.forget()

    def forget(self) -> None:
        self._cross: NDArray[np.complex64] = np.zeros(SIZE // 2 + 1, np.complex64)
        self._new = 0
        self.found: int | None = None
        """Samples by which the echo comes after what the loudspeaker played; None while nobody knows."""
        self.agreed = 0
        """Looks in a row that found that."""

    def push(self, far: Samples, near: Samples) -> None:
        """As many samples of both, float32 at 16 kHz."""
        count = len(far)
        for kept, piece in ((self._far, far), (self._near, near)):
            kept[:-count] = kept[count:].copy()
            kept[-count:] = piece
        self._new += count
        if self._new >= EVERY:
            self._new = 0
            newest = self._far[-EVERY:]
            if float(np.vdot(newest, newest)) >= LOUD**2 * EVERY:
                self._look()

    def _look(self) -> None:
        far = np.fft.rfft(self._far)
        # The newer half alone: all that could be heard in it was played in what is kept.
        near = np.fft.rfft(np.concatenate((np.zeros(SIZE - LATEST, np.float32), self._near[-LATEST:])))
        cross = far.conj() * near / (np.square(far.real) + np.square(far.imag) + 0.1)
        self._cross = (KEPT * self._cross + cross / (np.abs(cross).mean() + 1e-12)).astype(np.complex64)
        response = np.abs(np.fft.irfft(self._cross)[:LATEST])
        top = int(np.argmax(response))
        if response[top] <= STANDS_OUT * float(np.median(response)):
            return
        since = max(0, top - BEFORE)
        found = since + int(np.argmax(response[since : top + 1] > ONSET * response[top]))
        self.agreed = self.agreed + 1 if self.found is not None and abs(found - self.found) <= SAME else 1
        self.found = found
