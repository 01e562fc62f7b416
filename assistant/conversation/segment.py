"""Speech probabilities and levels -> voice started, quiet, paused, resumed.

Silero's probability says *whether* somebody speaks; it comes once in 32 ms and stays high for one to four frames after
the voice has ended. The levels, once in 2 ms, say *where* in those frames the voice began and ended. So a frame is
voiced when both agree, and silence is counted from its last voiced 2 ms.

The levels lose their say as the noise comes close to the voice: see PLAIN and CONTRAST. The constants were measured on
a clean sentence at 50 offsets to the frame grid in white and recorded noise, 66 dB down to 10 dB under it, and on 108
recordings with labelled ends and pauses: down to 20 dB the end is found within 6 ms, at 10 dB it is 30 ms late.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from assistant.conversation.events import Voice, VoicePaused, VoiceQuiet, VoiceResumed, VoiceStarted

BLOCK = 0.002
"""Seconds that one level covers."""
HYSTERESIS = 0.15
"""Once there is speech, a probability this much under the threshold is still speech (silero-vad, VADIterator)."""
OVER_NOISE = 3.0
"""dB over what the noise rarely exceeds: the least that counts as voice."""
UNDER_PEAK = 30.0
"""dB under the recent speech level: what is softer is reverberation and breath, not voice."""
PLAIN = 20.0
"""dB that speech must stand out of the noise for levels alone to call a frame unvoiced. With less, soft consonants lie
under the noise, and a frame that is certainly speech is voiced whatever its levels say."""
CERTAIN = 0.95
"""Silero's probability inside speech at 10 dB over the noise; after the end it is under that in 0 to 3 frames."""
CONTRAST = 6.0
"""dB that speech must stand out of the noise for levels to say anything; with less the probability alone decides."""
PEAK_FALL = 10.0
"""dB a second by which the recent speech level falls: one loud word must not make the soft ones after it silence."""
NOISE_RISE, NOISE_FALL = 0.1, 0.3
"""Share of the way that the noise goes to a louder or a softer frame's level: time constants of 0.3 s and 0.1 s."""
NOISE_FIRST = -60.0
"""dBFS: a quiet room, until the first frames say better. Too low is harmless: the probability then decides."""
SOFTEST = -200.0
"""dBFS under anything that a frame can hold."""
LOOK_BACK = 3
"""Frames before the first speech frame in which its onset is looked for: Silero is that late on soft beginnings."""
ONSET_GAP = 6
"""Blocks (12 ms) under the voice level that an onset may hold: more than lies between two pulses of a deep voice."""
DISAGREE = 0.19
"""Seconds of speech by the probability alone after which it is believed over the levels: longer than its own decay."""
CERTAINTY = 1.2
"""Sum of probabilities over two or more frames from which a voice over the assistant's own is worth a hold. Rests of
echo in measured rooms come to 0.7 to 1.4 in two frames, users as loud as the echo to 1.2 to 2."""


@dataclass(frozen=True, slots=True)
class SegmentRules:
    threshold: float = 0.5
    threshold_speaking: float = 0.3
    """While the assistant speaks (its echo has been removed)."""
    threshold_thinking: float | None = None
    """While an answer is committed and nothing of it is heard yet; None: as ``threshold``."""
    min_speech: float = 0.096
    """Seconds of speech frames that make a start."""
    min_speech_speaking: float | None = None
    """The same while the assistant speaks; None: as ``min_speech``."""
    certainty_speaking: float = 0.0
    """What the probabilities of those frames must come to while the assistant speaks: two weak ones are an echo."""
    pause: float = 0.1
    """Seconds without voice that make a pause."""


@dataclass(frozen=True, slots=True)
class _Frame:
    start: float
    end: float
    levels: Sequence[float]
    loud: float
    """Its second loudest block: what it reaches, without a lone click."""
    probability: float
    clear: bool
    """The probability is over the threshold."""
    speech: bool
    """It is, or less than HYSTERESIS under it."""


class _State(Enum):
    SILENT = auto()
    VOICED = auto()
    QUIET = auto()
    PAUSED = auto()


class Segmenter:
    """One microphone's voice. Push every frame, in order; call ``end`` when the utterance is closed."""

    def __init__(self, rules: SegmentRules | None = None) -> None:
        self._rules = rules or SegmentRules()
        self.reset()

    def reset(self) -> None:
        """Forget the sound so far, the room's noise too: another microphone."""
        self._noise = NOISE_FIRST
        """dBFS that the noise rarely exceeds."""
        self._hushed: deque[float] = deque()
        """What the newest frames without speech reach. They wait here, for they may turn out to be an onset."""
        self._least = self._rules.min_speech
        """Seconds of speech frames that make a start at present ..."""
        self._sure = 0.0
        """... and what their probabilities must come to."""
        self.end()

    def end(self) -> None:
        """The utterance is closed: the next voice is a new one, and needs ``min_speech`` again."""
        self._state = _State.SILENT
        self._peak = SOFTEST
        """The recent speech level, dBFS."""
        self._before: deque[_Frame] = deque(maxlen=LOOK_BACK)
        """Frames before the first speech frame, or after the last voiced one."""
        self._onset: list[_Frame] = []
        """Frames from the first speech frame on, until there is a start."""
        self._last = 0.0
        """The end of the last voiced block."""
        self._doubted = 0.0
        """Seconds since then in which the probability said speech and the levels did not."""

    def push(
        self, end: float, probability: float, levels: Sequence[float], speaking: bool, *, thinking: bool = False
    ) -> tuple[Voice, ...]:
        """Take the frame that ends at ``end`` seconds; returns what it tells, in order (nothing, mostly).

        ``levels``: dBFS of its 2 ms blocks, at least two (``assistant.audio.frames.levels``). ``speaking``: the
        assistant is audible; ``thinking``: it will be, and is not yet.
        """
        threshold = self._threshold(speaking, thinking)
        self._least, self._sure = self._rules.min_speech, 0.0
        if speaking and self._rules.min_speech_speaking is not None:
            self._least, self._sure = self._rules.min_speech_speaking, self._rules.certainty_speaking
        start = end - len(levels) * BLOCK
        clear, speech = probability >= threshold, probability >= threshold - HYSTERESIS
        frame = _Frame(start, end, levels, sorted(levels)[-2], probability, clear, speech)
        if clear:
            self._peak = max(frame.loud, self._peak - PEAK_FALL * (end - start))
        self._learn_noise(frame)
        return self._await_start(frame) if self._state is _State.SILENT else self._follow(frame)

    def _threshold(self, speaking: bool, thinking: bool) -> float:
        rules = self._rules
        if speaking:
            return rules.threshold_speaking
        return rules.threshold if not thinking or rules.threshold_thinking is None else rules.threshold_thinking

    # --- before the start

    def _await_start(self, frame: _Frame) -> tuple[Voice, ...]:
        if not frame.speech or not (frame.clear or (self._onset and self._onset[-1].clear)):
            self._before.extend(self._onset)
            self._onset.clear()
            self._peak = SOFTEST
        if not frame.clear and not self._onset:
            self._before.append(frame)
            return ()
        # A single dip that stays over the hysteresis neither counts nor starts the count anew.
        self._onset.append(frame)
        speech = sum(other.end - other.start for other in self._onset if other.clear)
        certain = sum(other.probability for other in self._onset if other.clear)
        if speech < self._least - BLOCK / 2 or certain < self._sure:
            return ()
        started = VoiceStarted(self._first_voiced(self._onset[0]), frame.end)
        ends = [end for other in self._onset if (end := self._last_voiced_in(other)) is not None]
        self._last, self._doubted = (ends[-1] if ends else frame.end), 0.0
        self._state = _State.VOICED
        self._onset.clear()
        self._before.clear()
        return (started,)

    def _first_voiced(self, frame: _Frame) -> float:
        """Where the voice in ``frame`` began: at its first voiced block, or before the frame without a gap."""
        level = self._voice_level()
        first = self._first_voiced_in(frame)
        if level == SOFTEST:
            return first
        at, gap = first, 0
        earlier = [one for other in self._before for one in other.levels]
        earlier += frame.levels[: round((first - frame.start) / BLOCK)]
        for back, one in enumerate(reversed(earlier), 1):
            if one >= level:
                at, gap = first - back * BLOCK, 0
            elif (gap := gap + 1) > ONSET_GAP:
                break
        return at

    # --- after it

    def _follow(self, frame: _Frame) -> tuple[Voice, ...]:
        last = self._voiced_until(frame)
        if last is not None:
            before, self._last, self._doubted = self._last, last, 0.0
            if self._state is _State.VOICED:
                return ()
            self._state = _State.VOICED
            resumed = VoiceResumed(max(before, self._first_voiced(frame)))
            self._before.clear()
            return (resumed,)
        self._before.append(frame)
        said: tuple[Voice, ...] = ()
        if self._state is _State.VOICED:
            self._state = _State.QUIET
            said = (VoiceQuiet(self._last),)
        if self._state is _State.QUIET and frame.end - self._last >= self._rules.pause:
            self._state = _State.PAUSED
            said += (VoicePaused(self._last),)
        return said

    def _voiced_until(self, frame: _Frame) -> float | None:
        """The end of the frame's last voiced block; None when there is no voice in it."""
        if not (frame.clear if self._state is _State.PAUSED else frame.speech):
            return None
        last = self._last_voiced_in(frame)
        if last is not None:
            return last
        if frame.probability >= CERTAIN and self._peak < self._noise + PLAIN:
            return frame.end
        if frame.clear:
            self._doubted += frame.end - frame.start
            if self._doubted > DISAGREE:
                self._peak = frame.loud  # somebody goes on much more softly
                return frame.end
        return None

    # --- levels

    def _learn_noise(self, frame: _Frame) -> None:
        loud = frame.loud
        if frame.speech:
            self._hushed.clear()
        else:
            self._hushed.append(loud)
            if len(self._hushed) > LOOK_BACK:
                self._noise += NOISE_RISE * (max(self._hushed.popleft(), self._noise) - self._noise)
        if loud < self._noise:
            self._noise += NOISE_FALL * (loud - self._noise)

    def _voice_level(self) -> float:
        """dBFS from which a block is voiced; SOFTEST when levels say nothing."""
        if self._peak < self._noise + CONTRAST:
            return SOFTEST
        return max(self._noise + OVER_NOISE, self._peak - UNDER_PEAK)

    def _last_voiced_in(self, frame: _Frame) -> float | None:
        """The end of the last voiced block whose neighbour is voiced too: one alone is a click."""
        level, levels = self._voice_level(), frame.levels
        for index in range(len(levels) - 1, 0, -1):
            if levels[index] >= level and levels[index - 1] >= level:
                return frame.start + (index + 1) * BLOCK
        return None

    def _first_voiced_in(self, frame: _Frame) -> float:
        """The start of the first such block, or of the frame."""
        level, levels = self._voice_level(), frame.levels
        for index in range(len(levels) - 1):
            if levels[index] >= level and levels[index + 1] >= level:
                return frame.start + index * BLOCK
        return frame.start
