"""How often the assistant would take its own echo for a user: the conversation's own rules, on what was recorded.

The echo goes on where a conversation would have held the voice that makes it, so what is counted is the worst case.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assistant.audio.echo import AUDIBLE, LEARNED, TAIL, EchoCanceller, WaryVoiceActivity
from assistant.audio.features import sounding
from assistant.audio.frames import SILENCE, levels
from assistant.audio.modes import LONG, SelfHeard
from assistant.conversation import events as e
from assistant.conversation.segment import Segmenter, SegmentRules
from assistant.conversation.sounding import Sounding
from assistant.conversation.turn import FRAMES, Conversation, Overlapping, TurnRules, step
from assistant.ports import CAPTURE_RATE, FRAME, Frame, Samples, VoiceActivity


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was played and what the microphone heard, from t = 0 on, on one clock."""

    near: Samples
    """At 16 kHz."""
    far: Samples
    """What the loudspeaker played, at 16 kHz."""
    reference: Samples
    """The same as an echo canceller is told of it (`Duplex.tap`, early), at ``rate``."""
    rate: int
    """Hz of the reference."""
    speech: tuple[float, float]
    """Seconds between which the assistant spoke."""


def hears_itself(
    recorded: Recorded,
    vad: VoiceActivity,
    turns: TurnRules,
    segments: SegmentRules,
    canceller: EchoCanceller | None,
) -> tuple[SelfHeard, float | None]:
    """What the rules make of the recording with ``canceller``, or without any; and the dB that it takes off the echo
    once it knows it (ERLE), None without one. ``turns.barge_in`` must not be "off"."""
    vad.reset()
    ears: VoiceActivity = vad if canceller is None else WaryVoiceActivity(vad, canceller)
    listener = _Listener(turns, segments, *recorded.speech)
    treated = []
    for number in range(len(recorded.near) // FRAME):
        frame = heard = _frame(recorded.near, number)
        if canceller is not None:
            first, end = (round(at * FRAME / CAPTURE_RATE * recorded.rate) for at in (number, number + 1))
            canceller.played(recorded.reference[first:end])
            heard = canceller.hear(frame)
            treated.append(heard)
        listener.push(heard, ears.probability(heard.samples), 0.0 if canceller is None else canceller.taken)
    return listener.end(), None if canceller is None else _erle(recorded, treated)


class _Listener:
    """The session's part, as far as it matters for an echo: nobody transcribes."""

    def __init__(self, turns: TurnRules, segments: SegmentRules, start: float, end: float) -> None:
        self._turns = turns
        self._segmenter = Segmenter(segments)
        self._start, self._end = start, end
        self._talk = Conversation()
        self._deadline: float | None = None
        self._held: float | None = None
        self._interruptions = self._pauses = 0
        self._now = 0.0
        self._soundings: deque[Sounding] = deque(maxlen=FRAMES)

    def push(self, frame: Frame, probability: float, taken: float) -> None:
        self._now = frame.end
        loud = levels(frame.samples)
        speaking = self._start <= frame.end <= self._end + TAIL
        if speaking and self._deadline is None and not isinstance(self._talk.phase, Overlapping):
            self._speak()
        phase = self._talk.phase
        overlapping = isinstance(phase, Overlapping)
        audible = not phase.held if isinstance(phase, Overlapping) else speaking
        voices = self._segmenter.push(frame.end, probability, loud, audible)
        if not speaking:
            self._segmenter.end()
            self._soundings.clear()
            return
        for voice in voices:
            self._happened(voice)
        self._soundings.append(sounding(frame, probability, loud, taken))
        if isinstance(self._talk.phase, Overlapping):
            for one in list(self._soundings)[-1 if overlapping else 0 :]:
                self._happened(e.Sounded(one.end, one))
        if self._deadline is not None and self._deadline <= frame.end:
            self._happened(e.DeadlinePassed(frame.end))

    def end(self) -> SelfHeard:
        self._let_go()
        return SelfHeard(self._end - self._start, self._interruptions, self._pauses)

    def _speak(self) -> None:
        """The assistant says something, and is heard."""
        self._talk = Conversation()
        self._happened(e.AnnouncementDue(self._now, "."))
        self._happened(e.ReplyAudible(self._now))

    def _happened(self, news: e.Happening) -> None:
        before = type(self._talk.phase)
        self._talk, actions, self._deadline = step(self._talk, news, self._turns)
        for action in actions:
            match action:
                case e.PausePlayback():
                    self._held = self._now
                case e.ResumePlayback():
                    self._let_go()
                case e.CancelReply():
                    self._held = None
                    self._interruptions += 1
                    self._segmenter.end()
                    self._speak()
                    return
        over = before is Overlapping or isinstance(news, e.VoiceStarted)
        if over and not isinstance(self._talk.phase, Overlapping):
            self._segmenter.end()

    def _let_go(self) -> None:
        if self._held is not None:
            long = self._now - self._held > LONG
            self._interruptions += long
            self._pauses += not long
            self._held = None


def _frame(sound: Samples, number: int) -> Frame:
    return Frame(sound[number * FRAME : (number + 1) * FRAME], number * FRAME)


def _erle(recorded: Recorded, treated: Sequence[Frame]) -> float | None:
    """Over the frames of speech whose sound, some hundredths before, was loud, once LEARNED seconds have passed."""
    before = after = 0.0
    since = recorded.speech[0] + LEARNED
    for frame in treated:
        played = recorded.far[max(0, frame.start - FRAME) : frame.start + FRAME]
        if frame.at < since or frame.end > recorded.speech[1] or _power(played) < AUDIBLE**2:
            continue
        before += _power(recorded.near[frame.start : frame.start + FRAME])
        after += _power(frame.samples)
    return 10 * math.log10((before + SILENCE) / (after + SILENCE)) if before else None


def _power(sound: Samples) -> float:
    return float(np.vdot(sound, sound)) / len(sound) if len(sound) else 0.0
