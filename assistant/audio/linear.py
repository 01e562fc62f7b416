"""The loudspeaker's echo taken out of what the microphone heard by a linear filter alone, whatever the two clocks do.

It is for detecting voices, and for nobody's ears: it leaves some of the echo, but all of a user who speaks over it.
WebRTC's canceller (`assistant.audio.webrtc`) leaves no echo, and mutes a third of such a user's frames.

A linear filter knows a room only as long as it stays the same to a fraction of a sample. Two devices' clocks differ by
up to 200 ppm (3 samples a second), so what the loudspeaker played is read at its own speed. That is found by a loop of
second order: the filter falls behind the echo, and by how much is told by the phases between its output and the
microphone (a delay-locked loop).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assistant.audio.arrival import DelaySearch
from assistant.audio.farend import SOONEST, FarEnd
from assistant.audio.kalman import BINS, AdaptiveFilter
from assistant.ports import CAPTURE_RATE, FRAME, Frame, Samples

RESPONSE = 16
"""Frames of a room that are known: half a second."""
MARGIN = 64
"""Samples before the first arrival that belong to it: 4 ms."""
LEAST = SOONEST + 0.001
"""Seconds after it was played that sound is read: a frame at another speed must be known to its end."""
AUDIBLE = 0.01
"""Root mean square (-40 dBFS) from which a frame tells anything of the clocks."""
LOOP = 16
"""Such frames that make one measurement: half a second."""
FIRST = 12
"""Measurements in which the clocks are found; after them they are only kept."""
TURN, KEEP = 0.4, 0.1
"""Share of what was measured by which the speed is corrected, in the first and later."""
SHIFT = 0.3
"""The same for the delay."""
FARTHEST = 1.5
"""Samples: more is no measurement."""
FASTEST = 0.001
"""A clock's error, at most."""
SETTLED = 8
"""Measurements after which the filter need not follow the clocks any more."""
ELSEWHERE = 0.012
"""Seconds by which an echo is not where it was looked for."""
PERSISTS = 4
"""Looks in a row that say so."""
LOW, HIGH = 300.0, 5000.0
"""Hz between which phases are read."""


class LinearCanceller:
    """`compare` and `hear` every frame, or `rest` where no echo is expected: 0.3 ms a frame, and in rest hardly any."""

    def __init__(self, playback_rate: int) -> None:
        """``playback_rate``: Hz of what is played."""
        self._played = FarEnd(playback_rate)
        self._filter = AdaptiveFilter(RESPONSE)
        self._search = DelaySearch()
        self._delay: float | None = None
        """Seconds after it was played that sound is read; None: the echo was not found yet."""
        self.speed = 1.0
        """Seconds of the loudspeaker in one of the microphone."""
        self._next = 0
        """Capture index of the sample that follows."""
        self._resting = True
        self._start_loop()

    def forget(self) -> None:
        """A device has changed, or has lost sound: the echo comes at another time."""
        self._search.forget()
        self._delay = None
        self._filter.forget()
        self._start_loop()

    def played(self, samples: Samples) -> None:
        """What left the loudspeaker next, from t = 0 on."""
        self._played.push(samples)

    def compare(self, far: Samples, near: Samples, *, sure: bool) -> None:
        """Look for the echo: what was played SOONEST before ``near`` was heard. ``sure``: it is known where it is."""
        self._search.push(far, near)
        found = self._search.found
        if found is None:
            return
        delay = max(LEAST, SOONEST + (found - MARGIN) / CAPTURE_RATE)
        if self._delay is None:
            self._delay = delay
        elif not sure and self._search.agreed >= PERSISTS and abs(delay - self._delay) > ELSEWHERE:
            self._delay = delay
            self._filter.forget()
            self._start_loop()

    def rest(self, frame: Frame) -> None:
        """No echo is expected in the next captured frame."""
        self._follow(frame.start)
        self._played.read(frame.at - SOONEST - 0.5 if self._delay is None else frame.at - self._delay, 1)
        if not self._resting:
            self._resting = True
            self._filter.rest()

    def hear(self, frame: Frame) -> Samples | None:
        """The echo in the next captured frame, float32; None while nobody knows when it comes."""
        if frame.start != self._next and not self._resting:
            self._filter.rest()
        if self._delay is None:
            self.rest(frame)
            return None
        self._follow(frame.start)
        self._resting = False
        far = self._played.read(frame.at - self._delay, FRAME, self.speed)
        echo, fast = self._filter.push(far, frame.samples)
        if float(np.vdot(far, far)) >= AUDIBLE**2 * FRAME:
            self._keep_time(frame.samples, fast)
        return echo

    def _follow(self, start: int) -> None:
        """The faster the loudspeaker's clock, the sooner its sound comes."""
        if self._delay is not None:
            self._delay = max(LEAST, self._delay - (self.speed - 1.0) * (start + FRAME - self._next) / CAPTURE_RATE)
        self._next = start + FRAME

    def _start_loop(self) -> None:
        self._phases: NDArray[np.complex64] = np.zeros(BINS, np.complex64)
        self._frames = self._measured = 0
        self._filter.agile = True

    def _keep_time(self, near: Samples, echo: Samples) -> None:
        padded = np.zeros((2, 2 * FRAME), np.float32)
        padded[:, FRAME:] = near, echo
        heard, expected = np.fft.rfft(padded)
        self._phases += heard * expected.conj()
        self._frames += 1
        if self._frames < LOOP:
            return
        # The least squares of phases that grow with the frequency, each as good as its product is large.
        late = -float(np.vdot(_ANGLES, self._phases.imag) / (np.vdot(_ANGLES**2, np.abs(self._phases)) + 1e-9))
        late = min(FARTHEST, max(-FARTHEST, late)) / CAPTURE_RATE
        turn = TURN if self._measured < FIRST else KEEP
        self.speed -= turn * late / (LOOP * FRAME / CAPTURE_RATE)
        self.speed = min(1.0 + FASTEST, max(1.0 - FASTEST, self.speed))
        if self._delay is not None:
            self._delay = max(LEAST, self._delay + SHIFT * late)
        self._frames = 0
        self._measured += 1
        self._filter.agile = self._measured < SETTLED
        self._phases[:] = 0


_HZ = np.arange(BINS) * CAPTURE_RATE / (2 * FRAME)
_ANGLES: NDArray[np.float32] = (2 * np.pi / CAPTURE_RATE * _HZ * ((_HZ > LOW) & (_HZ < HIGH))).astype(np.float32)
"""Radians a sample; 0 for what is not read."""
