"""A world around the turn rules: users, transcribers and replies that behave at random, and the rules that always hold.

It carries out the actions of `step` the way the session does, on a clock of its own, and fails the moment one of the
promises of the design is broken.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field, replace
from itertools import count

from assistant.conversation import events as e
from assistant.conversation.endpoint import EndpointRules, reads_complete
from assistant.conversation.interjections import meant
from assistant.conversation.meaning import same_meaning
from assistant.conversation.overlap import OverlapRules
from assistant.conversation.sounding import Sounding
from assistant.conversation.turn import Conversation, Idle, Listening, Overlapping, Replying, TurnRules, step

WORDS = ["what is", "the weather", "and", "the time", "in Paris", "please", "no", "stop", "seven", "five", "um"]
MURMURS = ["mm-hm", "right", "okay", "stop", "stop it", "", "right but", "what about Paris", "yeah yeah"]
"""What may be said over a reply."""

TALKING = ("Hearing", "Endpointing", "Overlapping")

SOUNDS = {
    "voice": Sounding(0.0, 0.97, -25, 0.9, 140, -14, 0.6, 0.05, 8),
    "hum": Sounding(0.0, 0.6, -30, 0.97, 140, -30, 0.99, 0.0, 14),
    "noise": Sounding(0.0, 0.3, -25, 0.1, 0, -4, 0.1, 0.1, 35),
    "echo": Sounding(0.0, 0.4, -50, 0.4, 140, -14, 0.6, 0.05, 8, taken=14),
}
"""What a frame of each sounds like."""
LONGEST_HOLD = 3.5
"""Seconds: a second of sound, 0.7 s of silence, and once more for whoever begins again."""


@dataclass
class SimulatedReply:
    turn: int | None
    text: str
    open: bool
    audible: bool = False
    alive: bool = True


@dataclass
class World:
    seed: int
    drafts: bool = True
    seconds: float = 40.0
    faults: float = 0.1
    """Share of replies and transcripts that fail."""
    random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.rules = TurnRules(
            endpoint=EndpointRules(
                policy=self.random.choice(["fixed", "text", "smart-turn", "adaptive"]), silence=0.2, max_silence=2.5
            ),
            drafts=self.drafts,
            draft_tokens_per_minute=self.random.choice([20_000, 200]),
            barge_in=self.random.choice(["off", "speech", "words", "words"]),
            overlap=self.random.choice(["pause", "duck"]),
            overlaps=OverlapRules(whose=self.random.choice([0.0, 0.0, 1.5])),
        )
        self.sound = "voice"
        """What the sound over the reply under way is like."""
        self.held_since: float | None = None
        """Since when playback is held or ducked."""
        self.decided: list[str] = []
        """What overlaps were."""
        self.provisional = self.random.choice([0.0, 0.6])
        """Share of finals of which a better one is promised. Not every promise is kept."""
        self.talk = Conversation()
        self.now = 0.0
        self.queue: list[tuple[float, int, object]] = []
        self.order = count()
        self.deadline: float | None = None
        self.reply: SimulatedReply | None = None
        self.listening_to: int | None = None
        self.left: tuple[int, float] | None = None
        """A turn whose answer is heard and whose transcriber still listens, and since when."""
        self.voice = "silent"
        """What the segmenter would say: silent, voiced or paused."""
        self.spotted: set[int] = set()
        """Turns in which a stop word was spotted."""
        self.ducked = False
        """What is held is heard softly."""
        self.hushed: int | None = None
        """The turn whose stop word has silenced the reply, which may go on yet."""
        self.taken_back = 0
        """Stop words that were none, as their transcripts said in time."""
        self.dead: set[int] = set()
        """Turns whose transcriber has failed."""
        self.opened: list[int] = []
        self.ended: list[int] = []
        self.fates: dict[int, list[str]] = {}
        self.committed: set[int | None] = set()
        self.answered: dict[int, str] = {}
        self.heard: set[int | None] = set()
        """Turns whose answer was begun to be heard: what it promises is done by then."""
        self.corrected = 0
        """Questions that were understood better when their answer was heard already."""
        self.newest: dict[int, e.Transcript] = {}
        """What the rules know that each turn's utterance says."""
        self.early = 0
        """Answers that were let out before the final of their question."""
        self.thrown_away = 0
        self.drafts_of: dict[int, int] = {}
        self.trace: list[str] = []

    # --- the script ---

    def run(self) -> World:
        at = self.random.uniform(0.2, 2.0)
        while at < self.seconds - 15:
            at = self._somebody_speaks(at)
        if self.random.random() < 0.3:
            self._plan(self.random.uniform(1, self.seconds - 15), ("announce",))
        if self.random.random() < 0.1:
            self._plan(self.random.uniform(1, self.seconds - 15), ("key",))
        if self.random.random() < 0.1:
            muted = self.random.uniform(1, self.seconds - 15)
            self._plan(muted, ("mute",))
            self._plan(muted + self.random.uniform(0.5, 5), ("unmute",))
        if self.random.random() < 0.05:
            self._somebody_talks_for_long(self.seconds)
        while self.queue or self.deadline is not None:
            self._advance()
            if self.now > self.seconds + 400:
                raise AssertionError("the conversation never comes to rest")
        self._check_end()
        return self

    def _somebody_speaks(self, at: float) -> float:
        """One utterance: stretches of voice with pauses of 0.03 to 1.5 s between."""
        for _ in range(self.random.randint(1, 4)):
            end = at + self.random.uniform(0.1, 1.5)
            self._plan(at + 0.096, ("voice", at))
            self._plan(end + 0.02, ("quiet", end))
            pause = self.random.choice([0.03, 0.15, 0.4, 0.9, 1.5])
            if pause > 0.1:
                self._plan(end + 0.1, ("paused", end))
            at = end + max(pause, 0.13)
        return at + self.random.choice([0.3, 1.0, 3.0, 6.0])

    def _somebody_talks_for_long(self, at: float) -> None:
        """A television, say: longer than an utterance may be."""
        end = at + self.random.uniform(55, 150)
        step = at
        while step < end:
            self._plan(step + 0.096, ("voice", step))
            step += 0.3
        self._plan(end + 0.02, ("quiet", end))
        self._plan(end + 0.1, ("paused", end))

    def _plan(self, at: float, what: tuple[object, ...]) -> None:
        heapq.heappush(self.queue, (max(at, self.now), next(self.order), what))

    # --- the shell ---

    def _advance(self) -> None:
        if self.deadline is not None and (not self.queue or self.deadline <= self.queue[0][0]):
            self.now = max(self.now, self.deadline)
            self.deadline = None
            self._step(e.DeadlinePassed(self.now))
            return
        self.now, _, what = heapq.heappop(self.queue)
        kind, *rest = what  # type: ignore[misc]
        getattr(self, f"_on_{kind}")(*rest)

    def _on_voice(self, at: float) -> None:
        """A frame of voice. The segmenter tells the first of a stretch, and the first after a pause."""
        if self._deaf():
            self.voice = "silent"
            return
        before, self.voice = self.voice, "voiced"
        if before == "silent":
            self.sound = self.random.choice(list(SOUNDS))
            self._step(e.VoiceStarted(at))
        elif before == "paused":
            self._step(e.VoiceResumed(at))
        if self.listening_to is not None and self.random.random() < 0.5:
            self._plan(self.now + self.random.uniform(0, 0.5), ("transcript", self.listening_to, False))

    def _deaf(self) -> bool:
        phase = self.talk.phase
        if isinstance(phase, Overlapping) and not self.talk.muted:
            return False
        audible = isinstance(phase, Replying) and phase.audible
        return self.talk.muted or (audible and self.rules.barge_in == "off")

    def _on_quiet(self, at: float) -> None:
        if self.voice == "voiced":
            self.voice = "paused"
            self._step(e.VoiceQuiet(at))
            if self.listening_to is not None and self.random.random() < 0.4:
                self._plan(self.now + self.random.choice([0.0, 0.05, 0.3]), ("spotted", self.listening_to, at))

    def _on_paused(self, at: float) -> None:
        if self.voice == "paused":
            self._step(e.VoicePaused(at))
            for asked in (0.01, 0.13, 0.33):  # and whoever is late speaks of a silence that is over
                if self.random.random() < 0.5:
                    self._plan(self.now + asked, ("judged", at))

    def _on_sounded(self) -> None:
        if isinstance(self.talk.phase, Overlapping) and self.rules.barge_in == "words":
            self._step(e.Sounded(self.now, replace(SOUNDS[self.sound], end=self.now)))
            if self.rules.overlaps.whose and self.random.random() < 0.05:
                self._step(e.SpeakerTold(self.now, self.talk.turn, self.random.random() < 0.5))
            self._plan(self.now + 0.032, ("sounded",))

    def _on_spotted(self, turn: int, end: float) -> None:
        """Late at times, and of an utterance that is over or never was over a reply."""
        before = self.talk.phase
        believable = isinstance(before, Overlapping) and before.utterance.turn == turn and not before.other
        unknown = isinstance(before, Overlapping) and not before.utterance.text and self.sound != "echo"
        self._step(e.StopSpotted(self.now, turn, "stop", end))
        if believable and unknown:
            self.spotted.add(turn)
            silent = self.reply is None or (self.held_since is not None and not self.ducked)
            assert silent, "a stop word was spotted, and the reply is heard"

    def _on_judged(self, at: float) -> None:
        self._step(e.EndJudged(self.now, at, self.random.random()))

    def _on_mute(self) -> None:
        self._step(e.Mute(self.now))

    def _on_unmute(self) -> None:
        self._step(e.Unmute(self.now))

    def _on_announce(self) -> None:
        self._step(e.AnnouncementDue(self.now, "The timer is over."))

    def _on_key(self) -> None:
        self._step(e.Interrupt(self.now))

    def _on_transcript(self, turn: int, final: bool) -> None:
        if turn not in (self.listening_to, self.left and self.left[0]) or turn in self.dead:
            return
        if final and self.random.random() < self.faults:
            self.dead.add(turn)
            self._step(e.TranscriptionFailed(self.now, turn))
            return
        until = self.random.choice([None, self.now, self.now - 0.05])
        words = [self.random.choice(WORDS) for _ in range(self.random.randint(0, 6))]
        if isinstance(self.talk.phase, Overlapping):
            words = self.random.choice(MURMURS).split()
        unknown = final and not words and self.random.random() < 0.5
        provisional = final and bool(words) and self.random.random() < self.provisional
        if provisional and self.random.random() < 0.8:
            self._plan(self.now + self.random.uniform(0.05, 3.0), ("transcript", turn, True))
        transcript = e.Transcript(
            " ".join(words), final, until, provider="world", unintelligible=unknown, provisional=provisional
        )
        if transcript.final or not self.newest.get(turn, transcript).final:
            self.newest[turn] = transcript
        self._step(e.Transcribed(self.now, turn, transcript))

    def _on_thrown_away(self, tokens: int) -> None:
        self.thrown_away += 1
        self._step(e.ThrownAway(self.now, tokens))

    def _on_reply(self, reply: SimulatedReply, what: str) -> None:
        if not reply.alive:
            return
        if what == "fail":
            reply.alive = False
            self.reply = None
            self._step(e.ReplyFailed(self.now))
        elif what == "ready":
            if not reply.open:
                self._plan(self.now + 0.01, ("reply", reply, "ready"))
            elif not reply.audible:
                reply.audible = True
                self.heard.add(reply.turn)
                self._plan(self.now + self.random.uniform(0.3, 4), ("reply", reply, "end"))
                self._step(e.ReplyAudible(self.now))
        elif self.held_since is not None and self.rules.overlap == "pause" and self.random.random() < 0.8:
            self._plan(self.now + 0.1, ("reply", reply, what))  # else its last sample was with the device already
        else:
            reply.alive = False
            self.reply = None
            self._step(e.ReplyFinished(self.now, "words"))

    # --- the rules and their actions ---

    def _step(self, happening: e.Happening) -> None:
        self.trace.append(f"{self.now:8.3f} {happening}")
        before = type(self.talk.phase).__name__
        self.talk, actions, self.deadline = step(self.talk, happening, self.rules)
        after = type(self.talk.phase).__name__
        self.hushed = self._hushed() or self.hushed
        if after not in TALKING and (before in TALKING or isinstance(happening, e.VoiceStarted)):
            self.voice = "silent"  # as the session tells the segmenter
        for action in actions:
            self.trace.append(f"           -> {action}")
            self._perform(action)
        assert self.deadline is None or self.deadline < self.now + 61
        left = None if self.talk.left is None else self.talk.left.turn
        assert left == (self.left and self.left[0]), "the rules and the shell know of the same"
        assert self.left is None or self.now <= self.left[1] + self.rules.longest_correction + 0.01
        replying = isinstance(self.talk.phase, Replying | Overlapping)
        overlapping = isinstance(self.talk.phase, Overlapping)
        assert (self.held_since is not None) == (overlapping and self.talk.phase.held), "held, and nobody decides"
        assert self.held_since is None or self.now < self.held_since + LONGEST_HOLD, "a reply is held for ever"
        if overlapping and before != "Overlapping":
            self._plan(self.now, ("sounded",))
        if self.reply is not None and self.reply.open:
            assert replying, "a committed reply outlives its state"
        if isinstance(self.talk.phase, Listening | Idle):
            assert self.reply is None, "a reply outlives its turn"
            assert self.listening_to is None, "a transcriber outlives its turn"

    def _perform(self, action: e.Action) -> None:
        match action:
            case e.OpenUtterance(turn, _):
                assert self.listening_to is None, "two utterances at once"
                self.listening_to = turn
                self.opened.append(turn)
            case e.HurryTranscript(turn):
                assert turn == self.listening_to
                self._plan(self.now + self.random.uniform(0.02, 0.8), ("transcript", turn, True))
            case e.LeaveUtterance(turn):
                assert turn == self.listening_to, "only what is open can be left"
                assert self.left is None, "one at a time"
                assert turn in self.heard, "what nobody has heard an answer to is still being said"
                self.listening_to, self.left = None, (turn, self.now)
            case e.CloseUtterance(turn) if self.left is not None and turn == self.left[0]:
                self.left = None
            case e.CloseUtterance(turn):
                assert turn == self.listening_to, "closed twice"
                self.listening_to = None
            case e.StartReply(turn, text, gate_open):
                assert turn not in self.heard, "a turn whose answer was heard is answered again"
                assert gate_open or self.rules.drafts, "a draft, and nobody wants any"
                self._start(SimulatedReply(turn, text, gate_open))
                self.drafts_of[turn] = self.drafts_of.get(turn, 0) + (not gate_open)
                assert self.drafts_of[turn] <= self.rules.drafts_per_turn, "too many drafts"
                if gate_open:
                    self.answered[turn] = text
                    self._let_out(turn, text)
            case e.Say(turn, text, _):
                self._start(SimulatedReply(turn, text, True))
            case e.OpenGate(turn):
                assert self.reply is not None and not self.reply.open and self.reply.turn == turn
                self.reply.open = True
                self.answered[turn] = self.reply.text
                self._let_out(turn, self.reply.text)
            case e.CancelReply(keep_heard):
                assert self.reply is not None, "nothing to cancel"
                assert keep_heard or not self.reply.audible, "what was heard is kept"
                assert not keep_heard or self.reply.open, "a draft was never heard"
                self.held_since, self.hushed = None, None
                self.reply.alive = False
                if not keep_heard:
                    self._plan(self.now, ("thrown_away", self.random.randint(0, 150)))
                self.reply = None
            case e.PausePlayback() | e.DuckPlayback():
                assert self.reply is not None and self.reply.audible, "nothing to hold"
                assert self.held_since is None or self.ducked, "held twice"
                ducked, hushed = isinstance(action, e.DuckPlayback), self._hushed() is not None
                assert ducked == (self.rules.overlap == "duck" and not hushed)
                self.held_since = self.now if self.held_since is None else self.held_since
                self.ducked = ducked
            case e.ResumePlayback():
                self._resumed()
                self.held_since, self.ducked = None, False
            case e.EndTurn(turn):
                assert turn not in self.ended, "a turn ends once"
                self.ended.append(turn)
            case e.CorrectUser(turn, text):
                assert turn in self.answered, "nothing to correct"
                self.answered[turn] = text
                self.corrected += turn in self.heard
            case e.Emit(event, _, turn, data):
                self._emitted(event, turn, dict(data))
            case _:
                pass

    def _hushed(self) -> int | None:
        """The turn that has silenced the reply by a stop word, if it may go on yet."""
        phase = self.talk.phase
        return phase.utterance.turn if isinstance(phase, Overlapping) and phase.hushed_at is not None else None

    def _resumed(self) -> None:
        """After a stop word only what its transcript says lets a reply go on."""
        hushed, self.hushed = self.hushed, None
        if hushed is None or self.reply is None:
            return
        known = self.newest.get(hushed)
        assert known is not None and known.final and not known.provisional, "a stop word is not believed"
        assert meant(known.text, known.language) == "backchannel", "a stop word is not believed"
        assert self.voice != "voiced", "the user speaks, and the reply goes on"
        self.taken_back += 1

    def _let_out(self, turn: int, text: str) -> None:
        """Answered is what was said, as far as that is known: a final, or a partial that can be taken for one."""
        known = self.newest.get(turn)
        if known is None or known.final or turn in self.dead:
            return
        self.early += 1
        assert self.rules.drafts, "answered before the final, and nobody wants that"
        assert known.until is not None and reads_complete(known.text, known.language), "half a sentence is answered"
        assert same_meaning(known.text, text), "another question is answered"

    def _start(self, reply: SimulatedReply) -> None:
        assert self.reply is None, "two replies at once"
        self.reply = reply
        fails = self.random.random() < self.faults
        self._plan(self.now + self.random.uniform(0.05, 1.2), ("reply", reply, "fail" if fails else "ready"))

    def _emitted(self, event: str, turn: int | None, data: dict[str, object]) -> None:
        if turn is None:
            return
        fates = self.fates.setdefault(turn, [])
        if event == "overlap.decided":
            self.decided.append(str(data["kind"]))
        if event == "reply.started":
            fates.append(str(data["kind"]))
        elif event in ("user.ignored", "user.superseded"):
            fates.append(event)

    def _check_end(self) -> None:
        assert isinstance(self.talk.phase, Listening), f"rests in {self.talk.phase}"
        assert self.left is None, "a correction is waited for without end"
        assert self.opened == sorted(set(self.opened)), "turns are numbered upwards"
        assert sorted(self.ended) == self.opened, "every turn ends"
        for turn in self.opened:
            assert self.fates.get(turn), f"turn {turn} was neither answered nor named as ignored"
