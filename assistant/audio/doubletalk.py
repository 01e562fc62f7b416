"""Is somebody speaking over the echo? What a linear canceller left of a frame, weighed against what it took off. Pure.

It knows its echo once it leaves little of it most of the time; and then whatever is left beyond that is the user's.
While it does not know it, it says nothing. Where the echo has moved, what is left is loud too, but then the microphone
does not hold any more what the canceller took off it (the cross-correlation of J. Benesty, D. R. Morgan and J. H. Cho,
"A new class of doubletalk detectors based on cross-correlation", 2000, read the other way).
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from assistant.ports import FRAME, Samples

KNOWN = -12.0
"""dB: what is left of an echo that is known, over what was taken off, in most frames: -16 to -30 in the rooms that were
measured, after 6 to 12 s."""
STEP = 0.12
"""dB by which that is corrected each frame, towards the median. Three seconds of a user do not make it forgotten."""
LOUD = -48.0
"""dBFS of the echo from which a frame says anything about that."""
REST, VOICE = -10.0, -4.0
"""The same of one frame whose echo is known: up to the former it is a rest of it, and from the latter on it is not. A
user 6 dB under the echo is at -5 on average, and of echoes 1 % are over -8."""
NOTHING, SOMETHING = -14.0, -8.0
"""The same whether the echo is known or not: up to the former the echo explains the frame. Of the
echoes of which WebRTC left what seemed a voice, all but one in ten were at -10 to -22 (from 3 s on)."""
FADES = 2.0
"""dB a frame by which an echo dies away at least: a room that rings for a second."""
SOFTEST = -62.0
"""dBFS of an echo, under which it makes no difference: a microphone's noise."""
LAST = 5
"""Frames over which it is looked whether the microphone holds the echo."""
HELD, GONE = 0.85, 0.6
"""Share of the echo that it holds: with a user speaking 0.8 to 1.1; after a move of some ms at most 0.3."""
FULL, MORE = 1.15, 1.35
"""The same where it holds more of it than was taken off: sounds that the room has not been learned with. The rest of
those reached 1.7."""
AUDIBLE = 1e-5
"""Power (-50 dBFS) of the echo from which that can be told ..."""
LOUDER = 4.0
"""... unless what is left has so many times the energy (6 dB): that is more than an echo makes of itself, and so loud a
voice shares as much with any sound by chance."""


class DoubleTalk:
    """Push every frame in which an echo is expected, in order."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Another echo."""
        self._over = 0.0
        """dB of what is left of the newest frame, over its echo."""
        self._left = 0.0
        """dB, see KNOWN."""
        self._echo = _SILENCE
        """dBFS of the echo, with its dying away."""
        self._newest: deque[tuple[float, float, float]] = deque(maxlen=LAST)
        """Of each frame: the echo's energy, what of it the microphone holds, and the energy of what is left."""
        self._held = 1.0
        """What the microphone holds of the echo of these."""

    @property
    def known(self) -> bool:
        """It can be told."""
        return self._left < KNOWN

    @property
    def others(self) -> float:
        """How far what is left of the newest frame is somebody else's, 0 (a rest of echo) to 1. Only where `known`."""
        return share(self._over, REST, VOICE) * share(self._held, GONE, HELD) * share(self._held, MORE, FULL)

    @property
    def possible(self) -> float:
        """How far there may be anything but echo in the newest frame, 0 to 1; at any time."""
        return share(self._over, NOTHING, SOMETHING)

    def push(self, near: Samples, echo: Samples) -> None:
        """``near``: FRAME samples as the microphone heard them; ``echo``: what a canceller takes off them."""
        rest = near - echo
        energies = float(np.vdot(echo, echo)), float(np.vdot(near, echo)), float(np.vdot(rest, rest))
        level, left = _level(energies[0]), _level(energies[2])
        self._echo = max(level, self._echo - FADES)
        if level > LOUD:
            self._left += STEP if left - level > self._left else -STEP
        self._over = left - max(self._echo, SOFTEST)
        self._newest.append(energies)
        played, shared, other = (sum(of) for of in zip(*self._newest, strict=True))
        tells = played > LAST * FRAME * AUDIBLE and other < LOUDER * played
        self._held = shared / played if tells else 1.0
        if self._held < GONE:
            self._left = max(self._left, 0.0)


def share(value: float, none: float, whole: float) -> float:
    """0 at ``none`` and beyond, 1 from ``whole`` on."""
    return min(1.0, max(0.0, (value - none) / (whole - none)))


_LEAST = 1e-12
_SILENCE = -120.0
"""dBFS."""


def _level(energy: float) -> float:
    """dBFS of a frame."""
    return 10 * math.log10(energy / FRAME + _LEAST)
