"""Where one utterance ends and the next begins in a recording: the conversation's own segmenter, with longer pauses.

Nobody waits for an answer here, so a sentence is not cut at each breath: what belongs together is transcribed together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assistant.audio.frames import levels
from assistant.audio.lift import Lift
from assistant.conversation.events import Voice, VoicePaused, VoiceResumed, VoiceStarted
from assistant.conversation.segment import Segmenter, SegmentRules
from assistant.ports import CAPTURE_RATE, FRAME, Samples, VoiceActivity

PAUSE = 0.6
"""Seconds without voice that end an utterance."""
LONG = 15.0
"""Seconds after which any pause (of about 100 ms) ends it: what is shorter reads well as a subtitle."""
LONGEST = 28.0
"""Seconds after which it is cut at its quietest place: Whisper looks at 30 s at a time."""
LOOK_BACK = 3.0
"""Seconds before that in which the quietest place is looked for."""
BEFORE, AFTER = 0.3, 0.2
"""Seconds of sound kept around the voice: soft beginnings and ends."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """Somebody speaks. ``samples`` begin at ``start`` (a sample index at CAPTURE_RATE, in the recording)."""

    samples: Samples
    start: int
    voice: tuple[float, float]
    """Seconds of the first and after the last voiced sample."""
    speech: tuple[float, ...] = ()
    """Probability of speech in each FRAME of ``samples``, a last one that is not whole included."""


class Cutter:
    """Push a recording's sound in pieces of any size; get its utterances as they end."""

    def __init__(self, vad: VoiceActivity, rules: SegmentRules | None = None) -> None:
        self._vad = vad
        self._lift = Lift()
        self._segmenter = Segmenter(rules)
        self._kept: list[Samples] = []
        """Whole frames from sample ``_first`` on."""
        self._speech: list[float] = []
        """The probability of speech in each of them."""
        self._first = 0
        self._rest = np.empty(0, np.float32)
        self._begun: float | None = None
        """Second at which the utterance under way began."""
        self._last = 0.0
        """Its last voiced second, while it pauses."""
        self._paused = False
        vad.reset()

    def push(self, samples: Samples, *, last: bool = False) -> list[Utterance]:
        """``last``: this is the end of the recording, and of what is being said."""
        sound = np.concatenate((self._rest, samples))
        if last:
            sound = np.pad(sound, (0, -len(sound) % FRAME))
        whole = len(sound) - len(sound) % FRAME
        self._rest = sound[whole:]
        found = [one for at in range(0, whole, FRAME) if (one := self._frame(sound[at : at + FRAME])) is not None]
        if last and self._begun is not None:
            found.append(self._cut(self._last if self._paused else self._end, self._end))
        return found

    @property
    def _end(self) -> float:
        """Second up to which everything was looked at."""
        return self._first / CAPTURE_RATE + len(self._kept) * FRAME / CAPTURE_RATE

    def _frame(self, frame: Samples) -> Utterance | None:
        self._kept.append(frame)
        end = self._end
        self._speech.append(self._vad.probability(self._lift.push(frame)))
        for voice in self._segmenter.push(end, self._speech[-1], levels(frame), False):
            self._heard(voice)
        if self._begun is None:
            self._forget(end - LOOK_BACK)
            return None
        if self._paused and end - self._last >= (PAUSE if end - self._begun < LONG else AFTER):
            self._segmenter.end()
            return self._cut(self._last, end)
        if end - self._begun >= LONGEST:
            return self._halve()
        return None

    def _heard(self, voice: Voice) -> None:
        match voice:
            case VoiceStarted(at):
                self._begun, self._paused = at, False
            case VoicePaused(at):
                self._last, self._paused = at, True
            case VoiceResumed():
                self._paused = False

    def _cut(self, voiced_until: float, end: float) -> Utterance:
        """The utterance under way, which ends here; nobody speaks after it."""
        assert self._begun is not None
        utterance = self._take(self._begun, voiced_until, min(end, voiced_until + AFTER))
        self._begun, self._paused = None, False
        return utterance

    def _halve(self) -> Utterance:
        """It goes on and on: its first part, up to the quietest frame of late."""
        assert self._begun is not None
        recent = round(LOOK_BACK * CAPTURE_RATE / FRAME)
        power = [float(np.dot(frame, frame)) for frame in self._kept[-recent:-1]]
        at = self._end - (len(power) + 1 - int(np.argmin(power))) * FRAME / CAPTURE_RATE
        utterance = self._take(self._begun, at, at)
        self._begun = at
        return utterance

    def _take(self, begun: float, voiced_until: float, end: float) -> Utterance:
        sound = np.concatenate(self._kept)
        first = max(0, round((begun - BEFORE) * CAPTURE_RATE) - self._first)
        samples = sound[first : round(end * CAPTURE_RATE) - self._first]
        # They lie between two of the frames that were looked at: the one that holds the middle counts.
        middles = range(first + FRAME // 2, first + len(samples) + FRAME // 2, FRAME)
        speech = tuple(self._speech[min(at // FRAME, len(self._speech) - 1)] for at in middles)
        utterance = Utterance(samples, self._first + first, (max(0.0, begun), voiced_until), speech)
        self._forget(end)
        return utterance

    def _forget(self, before: float) -> None:
        frames = min(int((before * CAPTURE_RATE - self._first) // FRAME), len(self._kept))
        if frames > 0:
            del self._kept[:frames]
            del self._speech[:frames]
            self._first += frames * FRAME
