"""Listening without answering: captured sound -> utterances and what they say, told as the events of a session."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import anyio
from anyio.abc import TaskGroup

from assistant.audio.frames import levels
from assistant.audio.lift import Lift
from assistant.conversation.endpoint import EndpointRules, wait
from assistant.conversation.events import EndJudged, Transcript, Voice, VoicePaused, VoiceResumed, VoiceStarted
from assistant.conversation.invented import ignored
from assistant.conversation.pauses import KEPT, Habit
from assistant.conversation.segment import Segmenter, SegmentRules
from assistant.judging import Detector, Judge
from assistant.later import ready
from assistant.listen import Listener, PreRoll
from assistant.observe.hub import Hub
from assistant.ports import Duplex, Frame, Observer, ProviderError, Transcriber, VoiceActivity

LONGEST = 60.0
"""Seconds after which an utterance is cut; what follows is the next one."""
COVERED = 0.1
"""Seconds by which a final may end before the last voiced sample and still be about all of it."""


@dataclass
class Parts:
    """What listening is put together from."""

    duplex: Duplex
    vad: VoiceActivity
    transcriber: Transcriber
    observers: Sequence[Observer] = ()
    started: Mapping[str, object] = field(default_factory=dict)
    """What `session.started` tells."""
    endpoint: EndpointRules = field(default_factory=EndpointRules)
    segments: SegmentRules = field(default_factory=SegmentRules)
    pre_roll: float = 0.5
    max_seconds: float | None = None
    detector: Detector | None = None
    """Judges by the sound whether the user has finished. `run` opens it."""
    habit: Habit = field(default_factory=Habit)
    """How long this user pauses, from before."""
    habit_learned: Callable[[Habit], None] | None = None
    """Gets what was learned of it, at the end."""
    warnings: Sequence[str] = ()
    """Told when the session has started."""


class Dictation:
    """One stretch of listening. `run` it once; it returns the reason why it ended."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._hub = Hub(parts.observers, parts.duplex.now)
        self._lift = Lift()
        self._segmenter = Segmenter(parts.segments)
        self._pre_roll = PreRoll(parts.pre_roll + parts.segments.min_speech + 1.0)
        self._habit = parts.habit
        self._judge: Judge | None = None
        if parts.detector is not None:
            self._judge = Judge(parts.detector, parts.duplex.now, self._judged, self.warn)
        self._turn = 0
        self._open: _Utterance | None = None
        """The utterance that is being said."""
        self._finishing: set[_Utterance] = set()
        """Those that have been said, and whose final is still to come."""
        self._group: TaskGroup

    async def run(self) -> str:
        """Listen until the input is over, ``max_seconds`` have passed, or cancellation. Returns the reason."""
        reason = "interrupted"
        self._hub.emit("session.started", at=0.0, data=self._parts.started)
        for message in self._parts.warnings:
            self.warn(message)
        try:
            async with anyio.create_task_group() as self._group:
                if self._judge is not None:
                    self._group.start_soon(self._judge.run, name="judge")
                reason = await self._listen()
                self._group.cancel_scope.cancel()
        except Exception:
            reason = "error"
            raise
        finally:
            if self._parts.habit_learned is not None and self._habit != self._parts.habit:
                self._parts.habit_learned(self._habit)
            duplex = self._parts.duplex
            counts = {"underruns": duplex.underruns, "overflows": duplex.overflows}
            self._hub.emit("session.ended", data={"reason": reason, **counts})
        return reason

    def provider_failed(self, stage: str, provider: str, error: str, following: str | None) -> None:
        """A call failed; the chain goes on with ``following``, or nobody is left."""
        turn = self._open.turn if self._open is not None else None
        data = {"stage": stage, "provider": provider, "error": error, "next": following}
        self._hub.emit("provider.failed", turn, data=data)

    def device_changed(self, before: str | None, after: str | None) -> None:
        """The microphone went away or came; None: there is none."""
        self._lift.reset()
        self._hub.emit("device.changed", data={"from": before, "to": after})

    def warn(self, message: str) -> None:
        self._hub.emit("warning", data={"message": message})

    async def _listen(self) -> str:
        vad, duplex = self._parts.vad, self._parts.duplex
        async for captured in duplex.frames():
            probability = vad.probability(self._lift.push(captured.samples))
            frame = replace(captured, speech=probability)
            self._pre_roll.push(frame)
            if self._open is not None:
                self._open.listener.push(frame)
            voices = self._segmenter.push(frame.end, probability, levels(frame.samples), False)
            for voice in voices:
                self._heard(voice)
            if self._judge is not None:
                self._judge.push(frame, voices)
            if self._open is not None:
                self._is_over(self._open, frame)
            if duplex.input_over and self._open is None and not self._finishing:
                return "input_over"
            if self._parts.max_seconds is not None and frame.end >= self._parts.max_seconds:
                return "max_seconds"
        return "device_lost"

    def _heard(self, voice: Voice) -> None:
        match voice:
            case VoiceStarted(at):
                self._begin(at, self._pre_roll.since(at - self._parts.pre_roll))
            case VoicePaused(at) if self._open is not None:
                self._open.paused(at)
            case VoiceResumed(at) if self._open is not None:
                if (pause := self._open.resumed(at)) is not None:
                    self._habit = self._habit.with_pause(pause)

    def _judged(self, judged: EndJudged) -> None:
        if self._open is not None:
            self._open.judged(judged)

    def _begin(self, at: float, frames: Sequence[Frame]) -> None:
        self._turn += 1
        self._open = utterance = _Utterance(self._turn, at, self._parts.transcriber, self._hub, self._finishing.discard)
        for frame in frames:
            utterance.listener.push(frame)
        self._group.start_soon(utterance.listener.run)
        self._hub.emit("user.speech_started", utterance.turn, at)

    def _is_over(self, utterance: _Utterance, frame: Frame) -> None:
        """Has it been said? Its final may still be on its way."""
        if utterance.quiet_since is not None:
            waited = frame.end - utterance.quiet_since
            heard = utterance.transcript
            text, final = (None, False) if heard is None else (heard.text, utterance.covered)
            told, language = (False, None) if heard is None else (heard.end_of_turn, heard.language)
            needed = wait(
                self._parts.endpoint,
                text,
                final=final,
                end_of_turn=told,
                language=language,
                complete=utterance.complete,
                pauses=tuple(utterance.pauses),
                voice=utterance.quiet_since - utterance.began,
                habit=self._habit,
            )
            if waited >= needed:
                self._segmenter.end()
                self._finish(utterance)
        elif frame.end - utterance.began >= LONGEST:
            utterance.paused(frame.end)
            self._finish(utterance)
            self._begin(frame.end, ())

    def _finish(self, utterance: _Utterance) -> None:
        self._open = None
        if self._judge is not None:
            self._judge.over()
        self._finishing.add(utterance)
        utterance.said()


class _Utterance:
    """One utterance and what is known of it."""

    def __init__(
        self, turn: int, began: float, transcriber: Transcriber, hub: Hub, over: Callable[[_Utterance], None]
    ) -> None:
        self.turn = turn
        self.began = began
        self.quiet_since: float | None = None
        """The last voiced second, while the user pauses."""
        self.pauses: deque[float] = deque(maxlen=KEPT)
        """Seconds of the pauses after which the user went on."""
        self._answers: tuple[EndJudged, ...] = ()
        """A detector's, about the newest silence. The first may be there before the silence counts as a pause."""
        self.transcript: Transcript | None = None
        self.covered = False
        """The transcript is a final and about everything up to ``quiet_since``."""
        self._said = False
        self._hub = hub
        self._over = over
        self.listener = Listener(ready(transcriber), self._on_transcript, self._on_failure)

    def paused(self, at: float) -> None:
        self.quiet_since = at
        heard = self.transcript
        self.covered = heard is not None and heard.final and heard.until is not None and heard.until >= at - COVERED
        self.listener.hurry()

    def resumed(self, at: float) -> float | None:
        """Returns the seconds of the pause that is over; None: there was none."""
        pause = None if self.quiet_since is None else at - self.quiet_since
        if pause is not None:
            self.pauses.append(pause)
        self.quiet_since, self.covered = None, False
        return pause

    def judged(self, answer: EndJudged) -> None:
        before = self._answers if self._answers and self._answers[0].quiet_since == answer.quiet_since else ()
        self._answers = (*before, answer)

    @property
    def complete(self) -> tuple[float, ...]:
        """The probabilities that this silence is the end."""
        return tuple(each.complete for each in self._answers if each.quiet_since == self.quiet_since)

    def said(self) -> None:
        """Nothing more belongs to it: it is over as soon as its final is there."""
        self._said = True
        self._end_if_known()

    def _end_if_known(self) -> None:
        """Nobody waits for an answer, so the best transcript is waited for."""
        if self.covered and not (self.transcript is not None and self.transcript.provisional):
            self._end()

    def _on_transcript(self, transcript: Transcript) -> None:
        before, self.transcript = self.transcript, transcript
        if transcript.final:
            data = {"text": transcript.text, "language": transcript.language, "provider": transcript.provider}
            if before is None or not before.final or before.text != transcript.text:
                self._hub.emit("user.transcript.final", self.turn, transcript.until, data)
            quiet = self.quiet_since
            self.covered = quiet is not None and (transcript.until is None or transcript.until >= quiet - COVERED)
            if self._said:
                self._end_if_known()
        elif transcript.text and (before is None or before.text != transcript.text):
            self._hub.emit("user.transcript.partial", self.turn, transcript.until, {"text": transcript.text})

    def _on_failure(self, error: ProviderError) -> None:
        """The chain has told of it. What was understood before is kept."""
        self.transcript = replace(self.transcript or Transcript("", True), provisional=False)
        self.covered = True
        if self._said:
            self._end()

    def _end(self) -> None:
        self.listener.close()
        self._hub.emit("user.speech_ended", self.turn, self.quiet_since)
        text = "" if self.transcript is None else self.transcript.text
        if not text.strip():
            self._hub.emit("user.ignored", self.turn, self.quiet_since, ignored(self.transcript))
        self._over(self)
