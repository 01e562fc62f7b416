"""The loop: frames in, what happened through `turn.step`, actions out. Owns the conversation's task group."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import anyio
from anyio.abc import TaskGroup

from assistant.accounts import Accounts, Budget, Meter
from assistant.audio.features import sounding
from assistant.audio.frames import levels
from assistant.audio.lift import Lift
from assistant.audio.modes import Mode
from assistant.conversation import events as e
from assistant.conversation.costs import Bill
from assistant.conversation.history import History, Message
from assistant.conversation.interjections import holds_stop
from assistant.conversation.ledger import Ledger
from assistant.conversation.pauses import Habit
from assistant.conversation.segment import Segmenter, SegmentRules
from assistant.conversation.sounding import Sounding
from assistant.conversation.turn import (
    FRAMES,
    Conversation,
    Endpointing,
    Hearing,
    Idle,
    Listening,
    Overlapping,
    Replying,
    TurnRules,
    step,
    turn_of,
)
from assistant.effects import Effects, Refused
from assistant.gate import Gate
from assistant.judging import Detector, Judge
from assistant.later import Later
from assistant.listen import Listener, PreRoll
from assistant.observe.hub import Hub
from assistant.ports import (
    ChatModel,
    Duplex,
    Frame,
    Notice,
    Observer,
    ProviderError,
    SideEffect,
    Synthesizer,
    Transcriber,
    Transcript,
    VoiceActivity,
)
from assistant.reply import Reply
from assistant.spotting import BEFORE, StopWords
from assistant.spotting import Opened as OpenedSpotter
from assistant.tools import Toolbox
from assistant.voiceprints import Voiceprint
from assistant.whose import Opened, SpeakerGate

RECENT = 50
"""Exchanges of the history that a model is shown: more would slow every answer down, and overflow it one day."""
DUCKED = 0.16
"""Amplitude of a ducked voice: -16 dB, soft enough to be talked over and loud enough to be known to go on."""
OWN_BEFORE, OWN_AFTER = 1.5, 0.3
"""Seconds around what is heard of a reply in which its own words may be taken for a user's: the echo's way, the time
until a voice over it was noticed, and the word itself."""
USED_UP = "The budget for this session is used up. Goodbye."


@dataclass(frozen=True)
class Limits:
    """When a session ends by itself."""

    turns: int | None = None
    """After this many replies were heard or cancelled."""
    seconds: float | None = None
    input_over: bool = False
    """When the microphone file is over and nothing is under way any more."""


@dataclass
class Parts:
    """What a session is put together from."""

    duplex: Duplex
    vad: VoiceActivity
    transcriber: Later[Transcriber]
    model: Later[ChatModel]
    voice: Later[Synthesizer]
    history: History
    observers: Sequence[Observer] = ()
    started: Mapping[str, object] = field(default_factory=dict)
    """What `session.started` tells."""
    ended: Callable[[], Mapping[str, object]] | None = None
    """What `session.ended` tells besides."""
    turns: TurnRules = field(default_factory=TurnRules)
    segments: SegmentRules = field(default_factory=SegmentRules)
    pre_roll: float = 0.5
    lag: float = 0.0
    """Seconds by which captured frames come later than they were captured."""
    echo_taken: Callable[[], float] | None = None
    """dB that an echo canceller took off the newest frame; None: there is none."""
    limits: Limits = field(default_factory=Limits)
    gate: tuple[Voiceprint, Opened] | None = None
    """The one voice that may interrupt, and what tells it from others; None: every voice may."""
    spotter: OpenedSpotter | None = None
    """Spots stop words in what is said over a reply; None: the transcript alone tells them. The session opens it."""
    detector: Detector | None = None
    """Tells by the sound whether the user has finished; None: the policy does without. The session opens it."""
    habit: Habit = field(default_factory=Habit)
    """How long this user pauses."""
    habit_learned: Callable[[Habit], None] | None = None
    """Told of that at the end. Must not raise."""
    captured: Callable[[Frame], None] | None = None
    """Gets every captured frame (for a recording). Must return at once."""
    effects: Effects | None = None
    """Does what the model wants done besides its words; None: one that the model's options know nothing of."""
    tools: Toolbox = field(default_factory=Toolbox)
    """What the model may call."""
    meter: Meter | None = None
    """Counts what the providers' calls cost; None: nobody wants to know."""
    budget: Budget = field(default_factory=Budget)
    warnings: Sequence[str] = ()
    """Told when the session has started."""


class Session:
    """One conversation. `run` it once; it returns the reason why it ended."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._duplex = parts.duplex
        self._ledger = Ledger()
        self._hub = Hub([_Bookkeeper(self._ledger), *parts.observers], parts.duplex.now)
        self._talk = Conversation(habit=parts.habit)
        self._lift = Lift()
        self._segmenter = Segmenter(parts.segments)
        self._pre_roll = PreRoll(parts.pre_roll + parts.segments.min_speech + 1.0)
        self._soundings: deque[Sounding] = deque(maxlen=FRAMES)
        """What the newest frames over a reply sound like."""
        self._judge: Judge | None = None
        self._whose: SpeakerGate | None = None
        if parts.gate is not None and parts.turns.barge_in == "words":
            voice, opened = parts.gate
            self._whose = SpeakerGate(
                opened, voice.model, voice.vector, parts.duplex.now, self.happened, self.warn, voice.name
            )
        self._stop_words: StopWords | None = None
        if parts.spotter is not None and parts.turns.barge_in != "off":
            self._stop_words = StopWords(parts.spotter, parts.duplex.now, self._stop_spotted, self.warn)
        self._says_stop = False
        """The reply itself did, where a voice over it began."""
        if parts.detector is not None:
            self._judge = Judge(parts.detector, parts.duplex.now, self.happened, self.warn)
        self._listener: Listener | None = None
        self._left: tuple[int, Listener, Bill] | None = None
        """A turn whose answer is heard, and whose transcriber may still correct the question."""
        self._reply: Reply | None = None
        self._asked: tuple[int, str] | None = None
        """Turn and words of the user that the reply under way answers; in the history once it is heard."""
        self._called: tuple[int | None, tuple[Message, ...]] = (None, ())
        """A turn, and the tool calls and results of answers to it that were taken back before anything was heard: the
        next answer to it is told, for what was done is done."""
        self._happenings: deque[e.Happening] = deque()
        self._stepping = False
        self._timer = anyio.CancelScope()
        self._deadline = math.inf
        self._captured_until = 0.0
        self._quiet_since = 0.0
        """The newest end of a voice."""
        self.effects = parts.effects or Effects(parts.voice)
        self._leaving = False
        """The reply under way says goodbye."""
        self._closing = False
        """The budget is used up: what is under way is the last, and goodbye follows."""
        self._accounts = Accounts(parts.meter, parts.budget)
        self._to_hear, self._to_reply = Bill(), Bill()
        """What the utterance and the reply under way cost."""
        self._safer: TurnRules | None = None
        """What is to hold once no overlap is under way."""
        self._replies = 0
        self._end = anyio.Event()
        self._reason = "interrupted"
        """Why it ended, unless `end` says otherwise: somebody cancelled it."""
        self.history = parts.history
        self._group: TaskGroup

    # --- life ---

    async def run(self) -> str:
        """Hold the conversation until a limit, "goodbye", or cancellation. Returns the reason it ended."""
        self._emit("session.started", None, 0.0, **self._parts.started)
        for message in self._parts.warnings:
            self.warn(message)
        try:
            await self._converse()
        except Exception:
            self._reason = "error"
            raise
        finally:
            if unrung := self.effects.unrung():
                self.warn(unrung)
            if self._parts.habit_learned is not None and self._talk.habit != self._parts.habit:
                self._parts.habit_learned(self._talk.habit)
            counts = {"underruns": self._duplex.underruns, "overflows": self._duplex.overflows}
            besides = {} if self._parts.ended is None else self._parts.ended()
            cost = self._accounts.ended(self._duplex.now())
            self._emit("session.ended", None, reason=self._reason, **counts, **cost, **besides)
        return self._reason

    async def _converse(self) -> None:
        async with anyio.create_task_group() as group:
            self._group = group
            self._accounts.open(lambda turn, data: self._emit("_", turn, **data), self.warn, self._budget_used_up)
            group.start_soon(self._keep_deadlines, name="deadlines")
            group.start_soon(self._capture, name="capture")
            if self._judge is not None:
                group.start_soon(self._judge.run, name="judge")
            if self._whose is not None:
                group.start_soon(self._whose.run, name="whose")
            if self._stop_words is not None:
                group.start_soon(self._stop_words.run, name="stop words")
            group.start_soon(self.effects.ring, self.announce, name="timers")
            if self._parts.limits.seconds is not None:
                group.start_soon(self._cut_off_after, self._parts.limits.seconds, name="limit")
            try:
                await self._end.wait()
            finally:
                self._wind_up()
            group.cancel_scope.cancel()

    def end(self, reason: str) -> None:
        """End the session now. The first reason counts."""
        if not self._end.is_set():
            self._reason = reason
            self._end.set()

    def _wind_up(self) -> None:
        """The session ends in the middle of something: leave history, events and figures complete."""
        self._end.set()  # the reason stands
        if self._reply is not None:
            self._cancel_reply(keep_heard=self._reply.audible)
        self._close_utterance()
        self._close_left()
        turn = turn_of(self._talk.phase)
        if turn is not None:
            self._end_turn(turn)
        if isinstance(self._talk.phase, Overlapping):
            self._end_turn(self._talk.phase.utterance.turn)

    def announce(self, text: str) -> None:
        """Say ``text`` as soon as nobody else is talking."""
        self.happened(e.AnnouncementDue(self._duplex.now(), text))

    def warn(self, message: str) -> None:
        """Tell the observers of something that the user should know and that changes nothing."""
        self._emit("warning", None, message=message)

    def _budget_used_up(self) -> None:
        """What is under way is finished, and nothing new is listened to."""
        self._closing = True
        self.announce(USED_UP)

    def device_changed(self, before: str | None, after: str | None) -> None:
        """A microphone or loudspeaker went away or came; None: there is none."""
        self._lift.reset()
        self._emit("device.changed", None, **{"from": before, "to": after})

    def protect(self, mode: Mode, message: str) -> None:
        """It may hear itself from now on: hold the conversation in that safer mode ("duck" or "half"), and say why."""
        rules = self._parts.turns
        self._safer = replace(rules, overlap="duck") if mode == "duck" else replace(rules, barge_in="off")
        self._take_rules()
        self.warn(message)

    def _take_rules(self) -> None:
        """The safer rules, if any; but an overlap is decided by those by which it began."""
        if self._safer is not None and not isinstance(self._talk.phase, Overlapping):
            self._parts.turns, self._safer = self._safer, None

    def provider_failed(self, stage: str, provider: str, error: str, following: str | None) -> None:
        """A call failed; the chain goes on with ``following``, or nobody is left."""
        self._emit(
            "provider.failed",
            turn_of(self._talk.phase),
            None,
            stage=stage,
            provider=provider,
            error=error,
            next=following,
        )

    def provider_did(self, stage: str, what: str, more: Mapping[str, object]) -> None:
        """A wrapper did something that nobody hears: for the recording."""
        self._emit("_", turn_of(self._talk.phase), None, stage=stage, what=what, **more)

    async def _cut_off_after(self, seconds: float) -> None:
        await anyio.sleep(max(0.0, seconds - self._duplex.now()))
        self.end("max_seconds")

    # --- sound in ---

    async def _capture(self) -> None:
        vad, duplex, captured = self._parts.vad, self._duplex, self._parts.captured
        async for heard in duplex.frames():
            if captured is not None:
                captured(heard)
            phase = self._talk.phase
            overlapping = isinstance(phase, Overlapping)
            # Held, it makes no echo.
            speaking = (
                not phase.held if isinstance(phase, Overlapping) else isinstance(phase, Replying) and phase.audible
            )
            thinking = isinstance(phase, Replying) and not phase.audible
            probability = vad.probability(self._lift.push(heard.samples, speaking=speaking))
            frame = replace(heard, speech=probability)
            self._captured_until = frame.end
            self._pre_roll.push(frame)
            if self._listener is not None:
                self._listener.push(frame)
            last = self._closing and not isinstance(phase, _HEARING)
            if self._talk.muted or last or (speaking and self._parts.turns.barge_in == "off"):
                # Nothing said now is listened to later either.
                self._pre_roll.clear()
                self._segmenter.end()
                self._soundings.clear()
                if self._stop_words is not None:
                    self._stop_words.over()
                if self._judge is not None:
                    self._judge.over()
            else:
                loudness = levels(frame.samples)
                voices = self._segmenter.push(frame.end, probability, loudness, speaking, thinking=thinking)
                if self._judge is not None:
                    self._judge.push(frame, voices)
                for voice in voices:
                    self.happened(voice)
                    if isinstance(voice, e.VoiceQuiet | e.VoicePaused):
                        self._quiet_since = voice.at
                if self._whose is not None:
                    if isinstance(phase, Overlapping):
                        self._whose.push(frame, probability, phase.utterance.turn)
                    else:
                        self._whose.over()
                self._spot(frame)
                if speaking or overlapping:
                    self._measure(frame, probability, loudness, told=overlapping)
                else:
                    self._soundings.clear()
            if self._parts.limits.input_over and duplex.input_over and self._quiet():
                self.end("input_over")

    def _measure(self, frame: Frame, probability: float, loudness: Sequence[float], *, told: bool) -> None:
        """What a frame over the reply sounds like, for the rules. ``told``: they know of those before."""
        if self._parts.turns.barge_in != "words":
            return
        taken = 0.0 if self._parts.echo_taken is None else self._parts.echo_taken()
        measured = sounding(frame, probability, loudness, taken)
        self._soundings.append(measured)
        if isinstance(self._talk.phase, Overlapping):
            for one in [measured] if told else list(self._soundings):
                self.happened(e.Sounded(one.end, one))

    def _spot(self, frame: Frame) -> None:
        """Listen for a stop word in what began over a reply, from its first sample on."""
        if self._stop_words is None:
            return
        phase = self._talk.phase
        utterance = phase.utterance if isinstance(phase, Overlapping | Hearing | Endpointing | Replying) else None
        if utterance is None or not (utterance.over or isinstance(phase, Overlapping)):
            self._stop_words.over()
        elif self._stop_words.turn == utterance.turn:
            self._stop_words.push(frame)
        else:
            self._stop_words.begin(utterance.turn, self._pre_roll.since(utterance.since - BEFORE))

    def _stop_spotted(self, spotted: e.StopSpotted) -> None:
        """A rest of the assistant's own voice sounds like the assistant: what it says itself is nobody's order."""
        if not self._says_stop and not self._saying_stop():
            self.happened(spotted)

    def _saying_stop(self) -> bool:
        reply = self._reply
        return reply is not None and reply.audible and holds_stop(reply.words_around(OWN_BEFORE, OWN_AFTER))

    def _quiet(self) -> bool:
        """Nothing is under way: no utterance, call, reply or announcement."""
        talk = self._talk
        nobody_listens = self._listener is None and self._left is None
        return isinstance(talk.phase, Listening | Idle) and nobody_listens and self._reply is None

    # --- time ---

    async def _keep_deadlines(self) -> None:
        """One timer, moved by `_arm`."""
        while True:
            with anyio.CancelScope(deadline=self._timer.deadline) as self._timer:
                await anyio.sleep_forever()
            self._timer = anyio.CancelScope()
            now = self._duplex.now()
            if now < self._deadline - _PRECISION:
                self._arm(self._deadline)  # moved on while this task was being woken
            elif now - self._captured_until > _BACKLOG + self._parts.lag and now - self._deadline < _PATIENCE:
                # The loop was held up: sound that waits unseen may hold the user's voice. Look at it first.
                self._timer.deadline = anyio.current_time() + _BACKLOG / 10
            else:
                self.happened(e.DeadlinePassed(max(now, self._deadline)))

    def _arm(self, deadline: float | None) -> None:
        self._deadline = math.inf if deadline is None else deadline
        wait = self._deadline - self._duplex.now()
        self._timer.deadline = anyio.current_time() + wait

    # --- the rules ---

    def happened(self, news: e.Happening) -> None:
        """Take the next step. What happens because of an action waits until the step it belongs to is done."""
        self._happenings.append(news)
        if self._stepping:
            return
        self._stepping = True
        try:
            while self._happenings:
                before = type(self._talk.phase)
                happening = self._happenings.popleft()
                self._talk, actions, deadline = step(self._talk, happening, self._parts.turns)
                for action in actions:
                    self._perform(action)
                if type(self._talk.phase) not in _HEARING and (
                    before in _HEARING or isinstance(happening, e.VoiceStarted)
                ):
                    self._segmenter.end()  # the next voice is news again
                self._arm(deadline)
                self._take_rules()
                if self._closing and self._talk.muted:  # whoever wants quiet is said goodbye to all the same
                    self._happenings.append(e.Unmute(self._duplex.now()))
        finally:
            self._stepping = False

    def _perform(self, action: e.Action) -> None:
        match action:
            case e.Emit(event, at, turn, data):
                self._emit(event, turn, at, **dict(data))
            case e.OpenUtterance(turn, since):
                self._open_utterance(turn, since)
            case e.HurryTranscript():
                if self._listener is not None:
                    self._listener.hurry()
            case e.LeaveUtterance(turn):
                if self._listener is not None:
                    self._left = (turn, self._listener, self._to_hear)
                    self._listener = None
            case e.CloseUtterance(turn) if self._left is not None and self._left[0] == turn:
                self._close_left()
            case e.CloseUtterance():
                self._close_utterance()
            case e.StartReply(turn, text, gate_open):
                self._start_reply(turn, text, gate_open)
            case e.OpenGate():
                if self._reply is not None:
                    self._reply.open_gate()
            case e.Say(turn, text, _):
                self._say(turn, text)
            case e.CancelReply(keep_heard):
                self._cancel_reply(keep_heard)
            case e.PausePlayback():
                self._duplex.pause()
            case e.DuckPlayback():
                self._duplex.duck(DUCKED)
            case e.ResumePlayback():
                self._duplex.duck(1.0)
                self._duplex.resume()
            case e.CorrectUser(turn, text) if self._asked is not None and self._asked[0] == turn:
                self._asked = (turn, text)
            case e.CorrectUser(turn, text):
                self.history = self.history.with_corrected_user(turn, text)
            case e.KeepUser(turn, text):
                self.history = self.history.with_user(turn, text)
            case e.EndTurn(turn):
                self._end_turn(turn)

    # --- hearing ---

    def _open_utterance(self, turn: int, since: float) -> None:
        def heard(transcript: Transcript) -> None:
            what = "final" if transcript.final else "partial"
            self._emit("_", turn, stage="stt", what=what, text=transcript.text, until=transcript.until)
            self.happened(e.Transcribed(self._duplex.now(), turn, transcript))

        def failed(error: ProviderError) -> None:
            self.happened(e.TranscriptionFailed(self._duplex.now(), turn))

        self._close_utterance()
        self._says_stop = self._saying_stop()
        self._listener = Listener(self._parts.transcriber, heard, failed)
        bill = self._to_hear = Bill(turn)
        # What was said before belongs to another utterance, and must not be heard twice.
        for frame in self._pre_roll.since(max(since - self._parts.pre_roll, min(self._quiet_since, since))):
            self._listener.push(frame)
        self._group.start_soon(self._accounts.pay, bill, self._listener.run, name=f"listen {turn}")

    def _close_utterance(self) -> None:
        if self._listener is not None:
            self._accounts.over(self._to_hear)
            self._listener.close()
            self._listener = None

    def _close_left(self) -> None:
        if self._left is not None:
            _, listener, bill = self._left
            self._accounts.over(bill)
            listener.close()
            self._left = None

    # --- replying ---

    def _start_reply(self, turn: int, text: str, gate_open: bool) -> None:
        if self._end.is_set():
            return
        self._asked = (turn, text)
        messages = (*self.history.with_user(turn, text).messages(limit=RECENT), *self._called_for(turn))
        self._reply = self._new_reply(turn, gate_open, messages=messages)

    def _say(self, turn: int | None, text: str) -> None:
        if self._end.is_set():
            return
        self._reply = self._new_reply(turn, True, words=text)
        self._leaving = self._closing and text == USED_UP

    def _new_reply(self, turn: int | None, gate_open: bool, **what: object) -> Reply:
        def tell(event: str, at: float | None, data: dict[str, object]) -> None:
            self._emit(event, turn, at, **data)

        def happened(happening: e.Happening) -> None:
            self._reply_happened(turn, happening)

        self._leaving = False
        reply = Reply(
            turn=turn,
            model=self._parts.model,
            voice=self._parts.voice,
            gate=Gate(self._duplex, is_open=gate_open, volume=self.effects.volume),
            rate=self._duplex.playback_rate,
            now=self._duplex.now,
            tell=tell,
            happened=happened,
            wanted=self._wanted,
            tools=self._parts.tools,
            **what,  # type: ignore[arg-type]
        )
        bill = self._to_reply = Bill(turn)
        self._group.start_soon(self._accounts.pay, bill, reply.run, name=f"reply {turn}")
        return reply

    def _reply_happened(self, turn: int | None, happening: e.Happening) -> None:
        match happening:
            case e.ReplyAudible():
                self._user_was_answered()
            case e.ReplyFinished(_, text) | e.ReplyFailed(_, text):
                assert self._reply is not None
                self._keep_calls(self._reply)
                if self._reply.audible:
                    self._assistant_said(turn, text, interrupted=isinstance(happening, e.ReplyFailed))
                self._reply = None
                self._accounts.over(self._to_reply, heard=bool(text))
                if self._leaving and (self._closing or isinstance(happening, e.ReplyFinished)):
                    self.end("goodbye")
                if isinstance(happening, e.ReplyFinished):
                    self._reply_done()
            case _:
                pass
        self.happened(happening)

    def _wanted(self, effect: SideEffect) -> None:
        """Somebody hears the answer that promises this: it is never given again, so it is done now, and once."""
        if effect.name == "goodbye":
            self._leaving = True
            return
        try:
            self.effects.carry_out(effect)
        except Refused as why:
            self.warn(f'the model wants "{effect.name}", which is not done: {why}')

    def _reply_done(self) -> None:
        """A reply was heard, or cut off while it was."""
        self._replies += 1
        if self._replies == self._parts.limits.turns:
            self.end("turns")

    def _cancel_reply(self, keep_heard: bool) -> None:
        if self._reply is None:
            return
        reply, self._reply = self._reply, None
        self._accounts.over(self._to_reply, heard=keep_heard)
        if not keep_heard and not self._end.is_set() and (tokens := reply.tokens):
            self._emit("_", reply.turn, stage="llm", what="thrown_away", tokens=tokens)
            self.happened(e.ThrownAway(self._duplex.now(), tokens))
        heard = reply.cancel()
        self._keep_calls(reply)
        if keep_heard:
            self._user_was_answered()
            self._assistant_said(reply.turn, heard, interrupted=True)
            self._emit("reply.interrupted", reply.turn, heard=heard)
            self._reply_done()
        else:
            self._asked = None
        if self._leaving and self._closing:
            self.end("goodbye")

    def _user_was_answered(self) -> None:
        if self._asked is not None:
            turn, text = self._asked
            self.history = self.history.with_user(turn, text)
            self._asked = None

    def _assistant_said(self, turn: int | None, text: str, *, interrupted: bool) -> None:
        self.history = self.history.with_assistant(turn, text, interrupted, self._called_for(turn))
        self._called = (None, ())

    def _keep_calls(self, reply: Reply) -> None:
        if steps := reply.steps:
            self._called = (reply.turn, (*self._called_for(reply.turn), *steps))

    def _called_for(self, turn: int | None) -> tuple[Message, ...]:
        called_for, steps = self._called
        return steps if called_for == turn else ()

    def _end_turn(self, turn: int) -> None:
        if self._asked is not None and self._asked[0] == turn:
            self._asked = None
        self._emit("turn.metrics", turn, **self._ledger.close(turn), **self._accounts.turn(turn))

    # --- watching ---

    def _emit(self, event: str, turn: int | None, at: float | None = None, /, **data: object) -> None:
        self._hub.emit(event, turn, at, data)


class _Bookkeeper:
    """Observer: every event into the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def notice(self, notice: Notice) -> None:
        self._ledger.take(notice.event, notice.t, notice.at, notice.turn, notice.data)


_HEARING = (Hearing, Endpointing, Overlapping)
_PRECISION = 0.0005
"""Seconds: a timer this early is on time."""
_BACKLOG = 0.05
"""Seconds since the newest captured sound (a frame is 0.032): more means that frames wait to be looked at."""
_PATIENCE = 0.5
"""Seconds that a deadline is held back for them at most: a microphone may have died."""
