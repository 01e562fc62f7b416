"""Echo cancelling: the loudspeaker's own sound is taken out of what the microphone hears.

`EchoCanceller` re-blocks and pairs the two sounds; a `BlockProcessor` does the signal processing, 10 ms at a time
(`assistant.audio.webrtc`). What that lets through is recorded and transcribed. A second opinion beside it, for whoever
must tell whether the user speaks, is what a linear canceller leaves (`assistant.audio.linear`).
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.audio.doubletalk import DoubleTalk, share
from assistant.audio.farend import SOONEST, FarEnd
from assistant.audio.linear import LinearCanceller
from assistant.ports import CAPTURE_RATE, FRAME, Frame, Samples, VoiceActivity

BLOCK = 160
"""Samples of a processor's block: 10 ms at 16 kHz."""
REBLOCKING = BLOCK - math.gcd(FRAME, BLOCK)
"""Samples by which frames come out later: a frame is no multiple of a block, so up to 128 samples wait for more."""
AUDIBLE = 0.01
"""Root mean square (-40 dBFS) from which a block of the reference teaches the canceller anything."""
LEARNED = 3.0
"""Seconds of such sound after which a processor knows the room. WebRTC's mutes everything for half a second, and lets
some of the echo through for up to two more (measured in a synthetic and four measured rooms)."""
TAIL = 0.5
"""Seconds after the loudspeaker's last sound in which its echo is expected."""
DOUBT, REST = 10.0, 15.0
"""dB: what is left of a frame that lost more to the canceller than the latter is a rest of echo, not a voice as loud as
it, and the more it lost beyond the former the less it is believed: a voice as loud as its echo loses 3 to 6. Such rests
made a third of the false starts of a voice, and half of those that were left."""
SOFT, SOFTEST = 18.0, 24.0
"""dB under the echo of late: what is softer by more than the latter is the room's own ringing, and more than the former
may be. A user who is that soft is heard when the assistant falls silent."""
FALL = 10.0
"""dB a second by which that echo is forgotten: less than a room's that rings for three seconds falls."""
SURE, SURE_FRAMES = 0.5, 7
"""Probability, and frames in a row that must reach it, before a voice over an unknown echo is believed. With the
segmenter's own three frames that makes 0.3 s of speech."""

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

    def __init__(self, processor: BlockProcessor, playback_rate: int, linear: LinearCanceller | None = None) -> None:
        """``playback_rate``: Hz of what is played. ``linear``: the second opinion, at that rate, if any."""
        self._processor = processor
        self._linear = linear
        self._double_talk = DoubleTalk()
        self._played = FarEnd(playback_rate)
        self._waiting = _NONE
        """Captured sound that does not fill a block yet."""
        self._ready = _NONE
        self._earlier = _NONE
        """Captured sound that has not come out yet."""
        self._next = -1
        """Capture index of the sample that follows."""
        self._echo_until = -1.0
        """Capture second until which there may be an echo."""
        self.echoing = False
        """There may have been an echo in the newest frame."""
        self.taken = 0.0
        """dB that were taken off what `hear` has given last, by whoever took less; 0 where no echo is expected."""
        self._muted = 0.0
        """dB that the processor took off it."""
        self.left: Samples | None = None
        """What the linear canceller left of the newest captured frame, `lag` newer than what `hear` gave. None where it
        does not know the echo, or there is none."""
        self._explained = False
        """There is an estimate of the echo in that frame."""
        self.far_end = 0.0
        """Seconds of far-end sound so far."""
        self._loudest = _NO_SOUND
        """dBFS of the echo of late, as the microphone heard it."""
        self._under = 0.0
        """dB by which what is left of the newest frame is softer than that."""

    @property
    def lag(self) -> float:
        """Seconds by which sound comes out later than it went in. It is subtracted from the frames' times already."""
        return (REBLOCKING + self._processor.lag) / CAPTURE_RATE

    @property
    def believed(self) -> float:
        """How much of a voice in the newest frame is to be believed, 0 (it is but a rest of echo) to 1. The frame is
        `left` if there is such, else what `hear` has given."""
        if self.left is not None:
            return self._double_talk.others
        possible = self._double_talk.possible if self._explained else 1.0
        return share(self._muted, REST, DOUBT) * share(self._under, SOFTEST, SOFT) * possible

    @property
    def learned(self) -> bool:
        """The loudspeaker has been heard long enough to know its echo."""
        return self.far_end >= LEARNED

    def forget(self) -> None:
        """A device has changed, or has lost sound: the echo must be learned anew, and is not trusted until then."""
        self.far_end = 0.0
        self._double_talk.forget()
        if self._linear is not None:
            self._linear.forget()

    def played(self, samples: Samples) -> None:
        """What left the loudspeaker next, from t = 0 on (a sink for `Duplex.tap`)."""
        self._played.push(samples)
        if self._linear is not None:
            self._linear.played(samples)

    def hear(self, frame: Frame) -> Frame:
        """Take the next captured frame; returns the next one without echo. Where frames are missing, silence is."""
        if frame.start != self._next:
            self._waiting = _NONE
            self._ready = np.zeros(REBLOCKING, np.float32)
            self._earlier = np.zeros(REBLOCKING + self._processor.lag, np.float32)
        self._next = frame.start + len(frame.samples)
        start = frame.start - len(self._waiting)
        captured = np.concatenate((self._waiting, frame.samples))
        whole = len(captured) // BLOCK * BLOCK
        self._waiting = captured[whole:]
        ready = np.concatenate((self._ready, self._process(captured[:whole], start)))
        self._ready = ready[FRAME:]
        earlier = np.concatenate((self._earlier, frame.samples))
        self._earlier = earlier[FRAME:]
        treated, raw = ready[:FRAME], earlier[:FRAME]
        self.echoing = frame.at <= self._echo_until
        self.taken = self._muted = _less(raw, treated) if self.echoing else 0.0
        self._ask_linear(frame)
        self._loudest = max(_NO_SOUND, self._loudest - FALL * FRAME / CAPTURE_RATE)
        if self._muted >= DOUBT:  # the user's own voice is not measured by itself
            self._loudest = max(self._loudest, _level(raw))
        self._under = self._loudest - _level(treated) if self.echoing else 0.0
        return Frame(treated, frame.start - len(self._earlier))

    def _ask_linear(self, frame: Frame) -> None:
        """What the linear canceller makes of the newest captured frame."""
        self.left, self._explained = None, False
        if self._linear is None:
            return
        if not self.echoing:
            self._linear.rest(frame)
            return
        echo = self._linear.hear(frame)
        if echo is None:
            return
        self._double_talk.push(frame.samples, echo)
        self._explained = True
        if self._double_talk.known:
            self.left = frame.samples - echo
            self.taken = min(self._muted, _less(frame.samples, self.left))

    def _process(self, captured: Samples, start: int) -> Samples:
        """Whole blocks, the first sample's capture index being ``start``."""
        # As late as it must be and no later: the processor has to see it before its echo.
        far = self._played.read(start / CAPTURE_RATE - SOONEST, len(captured))
        if self._linear is not None and (self.echoing or far.any()):
            self._linear.compare(far, captured, sure=self._double_talk.known)
        near_blocks, far_blocks = _int16(captured), _int16(far)
        for near_block, far_block, loud in zip(near_blocks, far_blocks, _loudness(far), strict=True):
            if loud >= AUDIBLE:
                self.far_end += BLOCK / CAPTURE_RATE
                self._echo_until = start / CAPTURE_RATE + TAIL
            self._processor.reference(far_block)
            self._processor.process(near_block)
        return near_blocks.reshape(-1) * np.float32(2.0**-15)


class WaryVoiceActivity:
    """``vad`` on frames whose echo was taken out, doubted where what it hears may be the echo.

    Ask it about each frame right after `EchoCanceller.hear` gave it.
    """

    def __init__(self, vad: VoiceActivity, echo: EchoCanceller) -> None:
        self.name = vad.name
        self._vad = vad
        self._echo = echo
        self._sure = 0

    def probability(self, samples: Samples) -> float:
        """As ``vad`` says, less of it the more the frame is a rest of echo; 0 for a voice over an echo that is not
        known yet, until the voice has lasted SURE_FRAMES.

        Where a linear canceller knows the echo, it is asked about what that has left, instead of ``samples``.
        """
        left = self._echo.left
        probability = self._vad.probability(samples if left is None else left) * self._echo.believed
        if left is not None or self._echo.learned or not self._echo.echoing:
            return probability
        self._sure = self._sure + 1 if probability >= SURE else 0
        return probability if self._sure > SURE_FRAMES else 0.0

    def reset(self) -> None:
        self._sure = 0
        self._vad.reset()


_NONE = np.zeros(0, np.float32)
_NO_SOUND = -120.0
"""dBFS."""


def _level(samples: Samples) -> float:
    """dBFS."""
    return 10 * math.log10(float(np.vdot(samples, samples)) / max(1, len(samples)) + 1e-12)


def _less(before: Samples, after: Samples) -> float:
    """dB by which ``after`` is softer."""
    return max(0.0, 10 * math.log10((float(np.vdot(before, before)) + 1e-12) / (float(np.vdot(after, after)) + 1e-12)))


def _int16(samples: Samples) -> Block:
    """In blocks, (n, BLOCK)."""
    blocks: Block = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16).reshape(-1, BLOCK)
    return blocks


def _loudness(samples: Samples) -> list[float]:
    """Root mean square of each block."""
    blocks = samples.reshape(-1, BLOCK)
    loudness: list[float] = np.sqrt(np.vecdot(blocks, blocks) / BLOCK).tolist()
    return loudness
