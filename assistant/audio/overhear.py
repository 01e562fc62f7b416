"""The echo as it is overheard in a conversation: nobody is bothered with test sounds.

While the assistant speaks, what it plays and what the microphone hears is kept, until there is enough of it to tell the
echo's delay and loudness. That is worked out in a thread; the frames' way is not touched, and costs a copy.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import anyio.to_thread
import numpy as np

from assistant.audio.echopath import LATEST, LOUD, of_speech
from assistant.audio.modes import EchoPath
from assistant.audio.resample import Resampler
from assistant.ports import CAPTURE_RATE, FRAME, Frame, Samples

SPEECH = 6.0
"""Seconds of audible speech that are enough: two or three answers."""
MOST = 20.0
"""Seconds of sound that are kept at most."""
BEHIND = LATEST + 0.1
"""Seconds behind the loudspeaker's last sound in which an echo may come."""
CLEAR = 15.0
"""dB over the microphone's noise from which a frame tells what the canceller takes off it."""
FRAMES = 30
"""Such frames that say something together: one second."""

Overheard = Callable[[EchoPath, float | None], None]
"""Told the path of an echo that is heard, and the dB that the canceller takes off it (None: it cannot be said)."""


@dataclass
class _Kept:
    """One stream: sound without holes, and the index of its first sample."""

    start: int = 0
    pieces: list[Samples] = field(default_factory=list)

    def add(self, piece: Samples, start: int) -> None:
        if not self.pieces:
            self.start = start
        self.pieces.append(piece)

    def sound(self, first: int, count: int) -> Samples:
        """``count`` samples from index ``first`` on, zeros where there are none."""
        whole = np.concatenate(self.pieces) if self.pieces else np.zeros(0, np.float32)
        out = np.zeros(count, np.float32)
        here = whole[max(0, first - self.start) : max(0, first - self.start + count)]
        out[max(0, self.start - first) : max(0, self.start - first) + len(here)] = here
        return out


@dataclass
class _Stretch:
    """From the first to the last sound of the loudspeaker, and a little more."""

    far: _Kept = field(default_factory=_Kept)
    near: _Kept = field(default_factory=_Kept)
    treated: _Kept = field(default_factory=_Kept)


class Overhearing:
    """Hand it what is played, what is captured and what is left of that without echo, in step, from t = 0 on."""

    def __init__(self, rate: int, overheard: Overheard) -> None:
        """``rate``: Hz of what is played. ``overheard`` is called in the loop."""
        self._rate = rate
        self._overheard = overheard
        self._played = 0
        """Samples so far."""
        self._enough = anyio.Event()
        self.again()

    def again(self) -> None:
        """Forget what was kept, and listen anew: a device has changed."""
        self._stretches: list[_Stretch] = []
        self._open: _Stretch | None = None
        self._silent = 0.0
        """Seconds since the loudspeaker's last sound."""
        self._speech = self._seconds = 0.0
        self._listening = True

    # --- three sinks, which return at once ---

    def played(self, samples: Samples) -> None:
        """A sink for `Duplex.tap`."""
        start, self._played = self._played, self._played + len(samples)
        if not self._listening or not len(samples):
            return
        seconds = len(samples) / self._rate
        power = float(np.vdot(samples, samples)) / len(samples)
        self._silent = 0.0 if power > 0 else self._silent + seconds
        if self._open is None:
            if power == 0.0:
                return
            self._open = _Stretch()
            self._stretches.append(self._open)
        self._open.far.add(samples.copy(), start)
        self._seconds += seconds
        self._speech += seconds * (power >= LOUD**2)
        if self._silent > BEHIND or self._seconds > MOST:
            self._open = None
            if self._speech >= SPEECH or self._seconds > MOST:
                self._listening = False
                self._enough.set()

    def captured(self, frame: Frame) -> None:
        """As the microphone heard it."""
        if self._open is not None:
            self._open.near.add(frame.samples, frame.start)

    def treated(self, frame: Frame) -> None:
        """The same, later, without its echo."""
        if self._open is not None:
            self._open.treated.add(frame.samples, frame.start)

    # --- beside the loop ---

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with anyio.create_task_group() as group:
            group.start_soon(self._run, name="overhear")
            yield
            group.cancel_scope.cancel()

    async def _run(self) -> None:
        while True:
            await self._enough.wait()
            self._enough = anyio.Event()
            stretches, self._stretches = self._stretches, []
            found = await anyio.to_thread.run_sync(self._understand, stretches, abandon_on_cancel=True)
            if self._listening:  # a device has changed meanwhile
                continue
            if found is None or not found[0].heard:  # it may be the next time, when somebody has unplugged something
                self.again()
            else:
                self._overheard(*found)

    def _understand(self, stretches: list[_Stretch]) -> tuple[EchoPath, float | None] | None:
        pairs, taken = [], []
        for stretch in stretches:
            far = np.concatenate(stretch.far.pieces)
            played = Resampler(self._rate, CAPTURE_RATE).push(far, last=True)
            first = round(stretch.far.start * CAPTURE_RATE / self._rate)
            pairs.append((played, stretch.near.sound(first, len(played))))
            if stretch.treated.pieces:
                taken.append((pairs[-1][1], stretch.treated.sound(first, len(played)), played))
        path = of_speech(pairs)
        return None if path is None else (path, _erle(taken, path) if path.heard else None)


def _erle(taken: list[tuple[Samples, Samples, Samples]], path: EchoPath) -> float | None:
    """What a canceller takes off a frame in the middle: a voice over it spoils single frames, and no more."""
    least = 10 ** ((path.noise_dbfs + CLEAR) / 10)
    delay = round((path.delay or 0.0) * CAPTURE_RATE)
    ratios: list[float] = []
    for near, treated, far in taken:
        raw, left, played = _powers(near), _powers(treated), _powers(np.roll(far, delay))
        clear = (raw > least) & (played > LOUD**2)
        ratios += (10 * np.log10((raw[clear] + 1e-12) / (left[clear] + 1e-12))).tolist()
    return float(np.median(ratios)) if len(ratios) >= FRAMES else None


def _powers(sound: Samples) -> np.ndarray:
    frames = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME)
    return np.asarray(np.mean(np.square(frames, dtype=np.float64), axis=1))
