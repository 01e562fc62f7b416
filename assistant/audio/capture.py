"""The microphone's half of a duplex: from its callback to frames, with silence for what did not come."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from assistant.audio.clocks import AudioClock
from assistant.audio.polyphase import Polyphase
from assistant.audio.ring import Ring
from assistant.audio.stream import Callback, Stream
from assistant.audio.watchdog import SILENT
from assistant.ports import CAPTURE_RATE, FRAME, Frame, Samples

SECONDS = 10.0
"""Of captured sound that the loop may take its time to collect."""
GAP = SILENT / 2
"""Seconds that must be missing before silence is put in their place."""
CATCHING_UP = 0.1
"""Seconds to wait for a late device's sound before it counts as missing: after a standstill all may still come."""
BELIEVABLE = 0.5
"""Seconds; a device that claims a greater delay between microphone and callback is not believed."""

_wall = time.monotonic  # noqa: TID251 - the callbacks' thread has no event loop whose clock it could read


class Capture:
    """What the microphone gave, on the audio clock. All but the callbacks belong to the loop; times are its clock's."""

    def __init__(self, wake: Callable[[], None]) -> None:
        """``wake`` is called in the callback's thread whenever there is something new."""
        self.clock = AudioClock()
        self.lag = 0.0
        """Seconds from the microphone to the callback, smoothed."""
        self._wake = wake
        self._ring = Ring(round(SECONDS * CAPTURE_RATE))
        self._stream: Stream | None = None
        """The one that called back last."""
        self._arrival = 0.0
        self._late_since: float | None = None
        self._pending = np.empty(0, np.float32)
        self._pushed = 0
        """Samples that came since the start, silence for missing ones included."""
        self._frames = 0
        self._started = False

    def callback(self, stream: Stream) -> Callback:
        """What ``stream`` is to call."""
        converter = None if stream.rate == CAPTURE_RATE else Polyphase(stream.rate, CAPTURE_RATE, block(stream.rate))
        converted = np.empty(FRAME + 1, np.float32)

        def hear(data: Any, count: int, times: Any, status: Any) -> None:
            delay = times.currentTime - times.inputBufferAdcTime - count / stream.rate
            if 0.0 <= delay < BELIEVABLE:
                stream.latency = delay
            self._stream = stream
            self._arrival = _wall()  # before the sound: late is harmless, early is not
            sound = data[:, 0]
            if converter is not None:
                converter.inlet(count)[:] = sound
                sound = converted[: converter.ready(count)]
                converter.convert(count, sound)
            room = self._ring.write(sound)
            if status.input_overflow or not room:
                stream.lost += 1
            self._wake()

        return hear

    def start(self, now: float) -> None:
        """Now is t = 0. Sound before is discarded."""
        self._ring.read()
        self.clock.start(now)
        self._started = True

    def next(self, now: float, *, dead: bool) -> Frame | None:
        """The next frame, if there is one. ``dead``: no microphone works, so there is silence, in real time."""
        self._collect(now, dead)
        if len(self._pending) < FRAME:
            return None
        samples, self._pending = self._pending[:FRAME], self._pending[FRAME:]
        frame = Frame(samples, self._frames * FRAME)
        self._frames += 1
        return frame

    def _collect(self, now: float, dead: bool) -> None:
        if not self._started:
            self._ring.read()
        elif len(self._ring):
            self._take(now)
        else:
            missing = self._missing(now)
            if missing >= FRAME and (dead or missing > SILENT * CAPTURE_RATE):
                self._push(np.zeros(missing // FRAME * FRAME, np.float32))

    def _take(self, now: float) -> None:
        arrival = self._arrival
        missing = self._missing(arrival) - len(self._ring)
        if missing > GAP * CAPTURE_RATE:
            if self._late_since is None:
                self._late_since = now
            if now - self._late_since < CATCHING_UP:
                return
            self._push(np.zeros(missing, np.float32))
        self._late_since = None
        self._push(self._ring.read())
        self.clock.arrived(self._pushed / CAPTURE_RATE, arrival)
        if self._stream is not None:
            self.lag += 0.05 * (self._stream.latency - self.lag)

    def _missing(self, at: float) -> int:
        """Samples by which what was pushed falls short of the clock."""
        return round(self.clock.now(at) * CAPTURE_RATE) - self._pushed

    def _push(self, samples: Samples) -> None:
        self._pending = np.concatenate((self._pending, samples))
        self._pushed += len(samples)


def block(rate: int) -> int:
    """Samples in a callback: the sound of one frame."""
    return FRAME * rate // CAPTURE_RATE
