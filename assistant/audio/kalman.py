"""A filter that learns what a room makes of a sound, from the sound and from what a microphone heard of it.

Partitioned blocks in the frequency domain with a step size from a Kalman filter: G. Enzner and P. Vary, "Frequency-
domain adaptive Kalman filter for acoustic echo control" (2006); partitions as in F. Kuech, E. Mabande and G. Enzner,
"State-space architecture of the partitioned-block-based acoustic echo controller" (2014). It is linear: it takes
nothing off a voice that speaks over the echo, which a suppressor mutes. But it errs more than one for what it leaves.

Two filters in one: the first learns fast, and is spoiled for a moment by each voice over the echo; the second is its
mean of late, which hardly is. Each frame gets the one that explains it better.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assistant.ports import FRAME, Samples

BINS = FRAME + 1
"""Of a transform of two frames."""
NOISE = 1e-4
"""Power in a bin that no echo explains, at least: a microphone's noise at -67 dBFS."""
NOT_ECHO = 0.05
"""Share of what was not explained that is taken for other sound than echo. Small, for there is the second filter: with
all of it (as published) the echo of a new voice was learned in 10 s instead of in 2."""
UNKNOWN, FADES = 0.05, 0.63
"""How far from nothing the first partition's response is expected to be, and that of each one after it (a power)."""
CHANGES, KEEPS = 0.98, 0.999
"""Share of a response that is left a frame later, while its changes are to be followed and once they are small."""
MEAN = 0.03
"""Share of the first filter in the second, a frame: a mean over one second."""
SOUNDS = 1e-6
"""Power (-60 dBFS) of a frame that teaches anything."""


class AdaptiveFilter:
    """Push every frame, in order: 0.2 ms of numpy for half a second of room."""

    def __init__(self, frames: int) -> None:
        """``frames``: length of the response, in FRAME samples."""
        self._heard: NDArray[np.complex64] = np.zeros((frames, BINS), np.complex64)
        """Spectra of the newest inputs, each with the one before it; the newest first."""
        self._power: NDArray[np.float32] = np.zeros((frames, BINS), np.float32)
        self._input = np.zeros(2 * FRAME, np.float32)
        self.agile = True
        """Changes are followed at once. Off, the error is smaller where nothing changes."""
        self.forget()

    def forget(self) -> None:
        """Learn another room."""
        self._filters: NDArray[np.complex64] = np.zeros((2, *self._heard.shape), np.complex64)
        fading = UNKNOWN * FADES ** np.arange(len(self._heard))
        self._doubt: NDArray[np.float32] = np.repeat(fading[:, None], BINS, 1).astype(np.float32)
        """Variance of the first filter's error."""

    def rest(self) -> None:
        """What comes next does not follow what came last."""
        self._heard[:] = 0
        self._power[:] = 0
        self._input[:] = 0

    def push(self, far: Samples, near: Samples) -> tuple[Samples, Samples]:
        """``far``: the next FRAME samples of the sound; ``near``: what the microphone heard at the same time.

        Returns the echo in ``near`` as far as it was known before, float32: the better estimate, and the fast one's.
        """
        self._input[:FRAME] = self._input[FRAME:]
        self._input[FRAME:] = far
        self._heard[1:] = self._heard[:-1].copy()
        self._power[1:] = self._power[:-1].copy()
        self._heard[0] = np.fft.rfft(self._input)
        self._power[0] = np.square(self._heard[0].real) + np.square(self._heard[0].imag)
        echoes = np.fft.irfft(np.einsum("ij,fij->fj", self._heard, self._filters))[:, FRAME:].astype(np.float32)
        errors = near - echoes
        energy = np.vecdot(errors, errors)
        self._learn(errors[0])
        if float(np.vdot(far, far)) > SOUNDS * FRAME:
            self._filters[1] += np.float32(MEAN) * (self._filters[0] - self._filters[1])
        return echoes[int(energy[1] < energy[0])], echoes[0]

    def _learn(self, error: Samples) -> None:
        padded = np.zeros(2 * FRAME, np.float32)
        padded[FRAME:] = error
        spectrum = np.fft.rfft(padded)
        other = NOISE + NOT_ECHO * (np.square(spectrum.real) + np.square(spectrum.imag))
        expected = self._doubt * self._power
        step = self._doubt / (expected.sum(axis=0) + 2 * other)
        change = np.fft.irfft(step * self._heard.conj() * spectrum)
        change[:, FRAME:] = 0.0  # a partition is one frame long
        self._filters[0] += np.fft.rfft(change)
        kept = np.float32((CHANGES if self.agile else KEEPS) ** 2)
        size = np.square(self._filters[0].real) + np.square(self._filters[0].imag)
        self._doubt = kept * (1 - np.float32(0.5) * step * self._power) * self._doubt + (1 - kept) * size
