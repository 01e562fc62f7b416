"""Echo cancelling: the loudspeaker's own sound is taken out of what the microphone hears.

`EchoCanceller` re-blocks and pairs the two sounds; a `BlockProcessor` does the signal processing, 10 ms at a time
(`assistant.audio.webrtc`).
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.audio.farend import SOONEST, FarEnd
from assistant.ports import CAPTURE_RATE, FRAME, Frame, Samples

BLOCK = 160
"""Samples of a processor's block: 10 ms at 16 kHz."""
REBLOCKING = BLOCK - math.gcd(FRAME, BLOCK)
"""Samples by which frames come out later: a frame is no multiple of a block, so up to 128 samples wait for more."""
AUDIBLE = 1e-3
"""Root mean square (-60 dBFS) from which a block of the reference teaches the canceller anything."""
LEARNED = 0.5
"""Seconds of far-end sound after which a processor knows the room (measured: 20 dB within half a second)."""

Block = NDArray[np.int16]


class BlockProcessor(Protocol):
    """What works on blocks of BLOCK samples, int16."""

    lag: int
    """Samples by which its output comes after its input."""

    def reference(self, block: Block) -> None:
        """Take what the loudspeaker plays, before the ``process`` of the same time. ``block`` may be overwritten."""
        ...

    def process(self, block: Block) -> None:
        """Take the echo out of what the microphone heard at the same time, in place."""
        ...


class EchoCanceller:
    """Takes frames and gives as many, without echo, `lag` seconds older: their ``start`` says so."""

    def __init__(self, processor: BlockProcessor, playback_rate: int) -> None:
        """``playback_rate``: Hz of what is played."""
        self._processor = processor
        self._played = FarEnd(playback_rate)
        self._waiting = _NONE
        """Captured sound that does not fill a block yet."""
        self._ready = np.zeros(REBLOCKING, np.float32)
        self._next = 0
        """Capture index of the sample that follows."""
        self.far_end = 0.0
        """Seconds of far-end sound so far."""

    @property
    def lag(self) -> float:
        """Seconds by which sound comes out later than it went in. It is subtracted from the frames' times already."""
        return (REBLOCKING + self._processor.lag) / CAPTURE_RATE

    @property
    def learned(self) -> bool:
        """The loudspeaker has been heard long enough to know its echo."""
        return self.far_end >= LEARNED

    def played(self, samples: Samples) -> None:
        """What left the loudspeaker next, from t = 0 on (a sink for `Duplex.tap`)."""
        self._played.push(samples)

    def hear(self, frame: Frame) -> Frame:
        """Take the next captured frame; returns the next one without echo. Where frames are missing, silence is."""
        if frame.start != self._next:
            self._waiting = _NONE
            self._ready = np.zeros(REBLOCKING, np.float32)
        start = frame.start - len(self._waiting)
        self._next = frame.start + len(frame.samples)
        captured = np.concatenate((self._waiting, frame.samples))
        whole = len(captured) // BLOCK * BLOCK
        self._waiting = captured[whole:]
        # As late as it must be and no later: the processor has to see it before its echo.
        far = self._played.read(start / CAPTURE_RATE - SOONEST, whole)
        near_blocks, far_blocks = _int16(captured[:whole]), _int16(far)
        for near_block, far_block, loud in zip(near_blocks, far_blocks, _loudness(far), strict=True):
            if loud >= AUDIBLE:
                self.far_end += BLOCK / CAPTURE_RATE
            self._processor.reference(far_block)
            self._processor.process(near_block)
        treated = near_blocks.reshape(-1) * np.float32(2.0**-15)
        ready = np.concatenate((self._ready, treated))
        self._ready = ready[FRAME:]
        return Frame(ready[:FRAME], frame.start - REBLOCKING - self._processor.lag)


_NONE = np.zeros(0, np.float32)


def _int16(samples: Samples) -> Block:
    """In blocks, (n, BLOCK)."""
    blocks: Block = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16).reshape(-1, BLOCK)
    return blocks


def _loudness(samples: Samples) -> list[float]:
    """Root mean square of each block."""
    blocks = samples.reshape(-1, BLOCK)
    loudness: list[float] = np.sqrt(np.vecdot(blocks, blocks) / BLOCK).tolist()
    return loudness
