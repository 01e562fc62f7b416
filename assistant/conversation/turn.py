"""The rules of the conversation: ``step(talk, happening, rules) -> (talk, actions, deadline)``.

Everything that decides who speaks when stands in this file, one small function a state. It is pure: no clock, no await,
no I/O. The shell (`assistant.session`) feeds it what happened, carries out the actions in their order and calls it
again with `DeadlinePassed` at the deadline it returned (audio-clock seconds; None: nothing to wait for).

States: Idle, Listening, Hearing, Endpointing, Replying, Overlapping; see docs/architecture.md for the diagram.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, assert_never

from . import events as e
from .endpoint import EndpointRules, reads_complete, wait
from .interjections import meant
from .invented import ignored
from .overlap import BargeIn, OverlapKind, OverlapRules, Reason, Verdict, goes_on, judge, look_at
from .overlap import Evidence as OverlapEvidence
from .pauses import KEPT, Habit, counted
from .sounding import Sounding
from .transcript import contradicts, same_meaning

COVERED = 0.15
"""Seconds by which a transcript may end before the last voiced sample and still cover the utterance: recognisers place
the end of the last word a little early."""
SETTLED = 0.6
"""Seconds after which a partial that has not changed is believed, whatever is heard: a voice of a noise, a long breath.
Words come two to four a second."""
SETTLED_BY = 1.5
"""And so many times as long as this utterance's words have ever stayed the same: some recognisers tell news rarely."""
MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class TurnRules:
    """What the config decides about turns."""

    endpoint: EndpointRules = field(default_factory=EndpointRules)
    drafts: bool = True
    drafts_per_turn: int = 3
    draft_tokens_per_minute: int = 20_000
    """Another draft is begun only while fewer of the model's tokens than this were thrown away in the last minute."""
    barge_in: BargeIn = "words"
    overlap: Literal["pause", "duck"] = "pause"
    """What happens to the reply while it is decided who has the floor."""
    overlaps: OverlapRules = field(default_factory=OverlapRules)
    longest_utterance: float = 60.0
    """Seconds after which an utterance is answered although it has not ended."""
    longest_transcription: float = 30.0
    """Seconds after the commit at which a transcript that has not come will not come. Providers have shorter limits."""
    longest_correction: float = 10.0
    """Seconds after the answer is heard for which a better transcript of its question is waited for."""
    apology: str = "Sorry, something went wrong just now. Please say that again."
    not_caught: str = "Sorry, I didn't catch that."
    """Said after speech that the recogniser did not understand."""
    worth_asking: float = 0.5
    """Seconds of voice from which on that is said: a cough or an "mm-hm" is no question."""
    times_asking: int = 2
    """How often in a row it is said: a television never says anything else."""


# --- states ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Utterance:
    """What the user is saying, or has said without having heard an answer."""

    turn: int
    since: float
    """Its first voiced sample."""
    quiet_since: float | None = None
    """The last voiced sample; None while there is voice."""
    resumed_at: float = 0.0
    """The first voiced sample after the newest pause."""
    cut: bool = False
    """It was committed for its length while the user went on: what comes next is another utterance."""
    transcript: e.Transcript | None = None
    fresh: bool = False
    """The transcript came after the newest voice began: it is not about an earlier part of the utterance alone."""
    covered: bool = False
    """The transcript is final and no voice has come since."""
    failed: bool = False
    """No transcriber is left for it."""
    pauses: tuple[float, ...] = ()
    """Seconds of the pauses after which the user went on, at most KEPT."""
    complete: tuple[float, ...] = ()
    """What a detector said of the silence since ``quiet_since``."""
    changed_at: float = 0.0
    """When the transcript became what it is, in meaning."""
    unchanged: float = 0.0
    """The longest that it ever was the same before."""
    draft: str | None = None
    """The text that the draft under way answers."""
    drafts: int = 0
    over: bool = False
    """It began over a reply and ended it before its words were known: they may be no more than "be quiet"."""

    @property
    def text(self) -> str | None:
        return None if self.transcript is None else self.transcript.text.strip()


@dataclass(frozen=True, slots=True)
class Idle:
    """Muted: nothing is listened to."""


@dataclass(frozen=True, slots=True)
class Listening:
    pass


@dataclass(frozen=True, slots=True)
class Hearing:
    utterance: Utterance


@dataclass(frozen=True, slots=True)
class Endpointing:
    """The user has paused."""

    utterance: Utterance


@dataclass(frozen=True, slots=True)
class Replying:
    """From the commit to the last heard sample."""

    kind: e.ReplyKind
    turn: int | None
    utterance: Utterance | None
    """Still open while nothing has been heard: the user may go on in the same turn."""
    text: str | None
    """The question being answered (or the words being announced); None while its transcript is awaited."""
    audible: bool = False
    waits_until: float | None = None
    """When a transcript that is still awaited is given up."""


@dataclass(frozen=True, slots=True)
class Overlapping:
    """Sound over the reply: playback is held while it is decided who has the floor."""

    reply: Replying
    utterance: Utterance
    """What the user is saying, if it is anything. Nobody is told of it before it takes the floor."""
    held_at: float
    now: float
    """The newest moment that something is known of."""
    held: bool = True
    """False: the reply goes on already, and the words may yet say otherwise."""
    was: OverlapKind | None = None
    """What it was taken for when the reply went on."""
    paused: bool = False
    """The voice has paused: a final was asked for."""
    frames: tuple[Sounding, ...] = ()
    """What the newest FRAMES sound like."""
    other: bool | None = None
    """The voice is plainly not the enrolled one; None: not told yet."""


FRAMES = 48
"""Frames that an overlap is judged by at most: 1.5 s, longer than anything that is no speech is waited for."""

Phase = Idle | Listening | Hearing | Endpointing | Replying | Overlapping


@dataclass(frozen=True, slots=True)
class Left:
    """An utterance whose answer is heard, while a better transcript of it is still to come. It changes the history and
    the screen, and nothing else; so it goes on beside whatever happens next."""

    turn: int
    text: str
    until: float
    """When it is waited for no longer."""
    partial: bool = False
    """The answer is to a partial: its first final is still to come."""
    quiet_since: float | None = None
    """The utterance's last voiced sample."""


@dataclass(frozen=True, slots=True)
class Conversation:
    phase: Phase = field(default_factory=Listening)
    turn: int = 0
    """The newest turn's number."""
    muted: bool = False
    announcements: tuple[e.AnnouncementDue, ...] = ()
    not_caught: int = 0
    """Utterances in a row that were not understood, and the user told so."""
    left: Left | None = None
    habit: Habit = field(default_factory=Habit)
    """How long the user pauses."""
    thrown_away: tuple[e.ThrownAway, ...] = ()
    """Answers that nobody heard any of, of the last minute."""


def step(
    talk: Conversation, happening: e.Happening, rules: TurnRules
) -> tuple[Conversation, list[e.Action], float | None]:
    """What follows from ``happening``. You must carry out the actions in order, then arm one timer for the deadline."""
    move = _Move(talk, happening.at, rules)
    if talk.left is not None:
        _correct(move, talk.left, happening)
    match happening:
        case e.AnnouncementDue():
            move.talk = replace(move.talk, announcements=(*talk.announcements, happening))
        case e.ThrownAway(at):
            recent = tuple(each for each in talk.thrown_away if each.at > at - MINUTE)
            move.talk = replace(move.talk, thrown_away=(*recent, happening))
        case e.Mute():
            move.talk = replace(move.talk, muted=True)
            _muted(move)
        case e.Unmute():
            move.talk = replace(move.talk, muted=False)
            if isinstance(talk.phase, Idle):
                move.go(Listening())
        case _:
            match talk.phase:
                case Idle():
                    pass
                case Listening():
                    _listening(move, happening)
                case Hearing():
                    _hearing(move, talk.phase, happening)
                case Endpointing():
                    _endpointing(move, talk.phase, happening)
                case Replying():
                    _replying(move, talk.phase, happening)
                case Overlapping():
                    _overlapping(move, talk.phase, happening)
                case _:
                    assert_never(talk.phase)
    _announce_if_free(move)
    deadlines = [
        _deadline(move.talk.phase, rules, move.talk.habit),
        _settles_at(move),
        None if move.talk.left is None else move.talk.left.until,
    ]
    return move.talk, move.actions, min((at for at in deadlines if at is not None), default=None)


def _deadline(phase: Phase, rules: TurnRules, habit: Habit) -> float | None:
    match phase:
        case Endpointing(utterance):
            return min(_done_at(utterance, rules, habit), utterance.since + rules.longest_utterance)
        case Hearing(utterance):
            return utterance.since + rules.longest_utterance
        case Replying(text=None):
            return phase.waits_until
        case Overlapping():
            return look_at(_evidence(phase), rules.overlaps)
        case _:
            return None


def _done_at(utterance: Utterance, rules: TurnRules, habit: Habit) -> float:
    """When the silence will have been long enough."""
    heard = utterance.transcript
    waited = wait(
        rules.endpoint,
        utterance.text,
        final=utterance.covered,
        end_of_turn=heard is not None and heard.end_of_turn and utterance.covered,
        language=None if heard is None else heard.language,
        understood=heard is None or not heard.unintelligible,
        complete=utterance.complete,
        pauses=utterance.pauses,
        voice=None if utterance.quiet_since is None else utterance.quiet_since - utterance.since,
        habit=habit,
    )
    return (utterance.quiet_since if utterance.quiet_since is not None else utterance.since) + waited


class _Move:
    """One step's outcome while it is being put together."""

    def __init__(self, talk: Conversation, at: float, rules: TurnRules) -> None:
        self.talk = talk
        self.at = at
        self.rules = rules
        self.actions: list[e.Action] = []

    def do(self, *actions: e.Action) -> None:
        self.actions.extend(actions)

    def emit(self, event: str, turn: int | None, at: float | None = None, /, **data: object) -> None:
        self.actions.append(e.Emit(event, at, turn, tuple(data.items())))

    def go(self, phase: Phase) -> None:
        before, after = type(self.talk.phase).__name__, type(phase).__name__
        if before != after:
            self.emit("state", turn_of(phase), **{"from": before, "to": after})
        self.talk = replace(self.talk, phase=phase)

    def rest(self) -> None:
        self.go(Idle() if self.talk.muted else Listening())


def turn_of(phase: Phase) -> int | None:
    """The turn that a state belongs to."""
    match phase:
        case Hearing(utterance) | Endpointing(utterance):
            return utterance.turn
        case Replying():
            return phase.turn
        case Overlapping():
            return phase.reply.turn
        case _:
            return None


# --- one function a state -------------------------------------------------------------------------------------------


def _listening(move: _Move, happening: e.Happening) -> None:
    if isinstance(happening, e.VoiceStarted):
        _new_utterance(move, happening.at)


def _hearing(move: _Move, phase: Hearing, happening: e.Happening) -> None:
    utterance = phase.utterance
    match happening:
        case e.VoiceQuiet(at):
            _draft(move, _quiet(utterance, at), Hearing)
        case e.VoicePaused(at):
            utterance = _quiet(utterance, at)
            move.do(e.HurryTranscript(utterance.turn))
            _draft(move, utterance, Endpointing)
        case e.VoiceResumed(at):
            _resume(move, utterance, at)
        case e.DeadlinePassed(at) if at >= utterance.since + move.rules.longest_utterance:
            move.do(e.HurryTranscript(utterance.turn))
            end = at if utterance.quiet_since is None else utterance.quiet_since
            _commit(move, replace(utterance, quiet_since=end, cut=True))
        case _:
            _hear_words(move, utterance, happening, Hearing)


def _endpointing(move: _Move, phase: Endpointing, happening: e.Happening) -> None:
    utterance = phase.utterance
    match happening:
        case e.VoiceResumed(at) | e.VoiceStarted(at):
            _resume(move, utterance, at)
        case e.DeadlinePassed(at) if at >= (_deadline(phase, move.rules, move.talk.habit) or 0.0):
            _commit(move, utterance)
        case _:
            _hear_words(move, utterance, happening, Endpointing)


def _replying(move: _Move, phase: Replying, happening: e.Happening) -> None:
    match happening:
        case e.VoiceStarted(at):
            if not phase.audible:
                _user_goes_on(move, phase, at)
            elif not move.talk.muted and move.rules.barge_in != "off":
                _overlap(move, phase, at, at if happening.told is None else happening.told)
        case e.Interrupt() if phase.text is None and phase.utterance is not None:
            _ignore(move, phase.utterance, "empty")
        case e.Interrupt():
            move.do(e.CancelReply(keep_heard=True))
            _close(move, phase.utterance)
            _end_turn(move, phase.turn)
            move.rest()
        case e.ReplyAudible(at):
            move.emit("reply.audible", phase.turn, at)
            _leave(move, phase)
            move.go(replace(phase, audible=True, utterance=None))
        case e.ReplyFinished(at, text):
            move.emit("reply.finished", phase.turn, at, text=text)
            _close(move, phase.utterance)
            _end_turn(move, phase.turn)
            move.rest()
        case e.ReplyFailed() if phase.text is None and phase.utterance is not None:
            move.emit("reply.discarded", phase.turn)
            move.go(replace(phase, utterance=_given_up(phase.utterance, move.rules)))
        case e.ReplyFailed():
            _close(move, phase.utterance)
            _apologise(move, phase.turn, again=phase.kind == "apology")
        case e.DeadlinePassed(at) if phase.waits_until is not None and at >= phase.waits_until:
            if phase.text is None and phase.utterance is not None:
                _without_transcript(move, phase.utterance)
        case e.DeadlinePassed() if phase.text is None and phase.utterance is not None:
            move.go(replace(phase, utterance=_drafted(move, phase.utterance)))
        case e.TranscriptionFailed(_, turn) if phase.utterance is not None and turn == phase.utterance.turn:
            if phase.text is None:
                _without_transcript(move, phase.utterance)
            else:
                move.go(replace(phase, utterance=replace(phase.utterance, failed=True)))
        case e.Transcribed(_, turn, transcript) if phase.utterance is not None and turn == phase.utterance.turn:
            _understood_late(move, phase, phase.utterance, transcript)
        case _:
            pass


def _overlapping(move: _Move, phase: Overlapping, happening: e.Happening) -> None:
    """Only reached while a judgement is open; the reply may meanwhile end by itself."""
    utterance = phase.utterance
    phase = replace(phase, now=max(phase.now, move.at))
    match happening:
        case e.ReplyFinished() | e.ReplyFailed() if phase.other:
            _give_back(move, phase, Verdict("noise", "noise"))
            _replying(move, phase.reply, happening)
            return
        case e.ReplyFinished(at, text):
            move.emit("reply.finished", phase.reply.turn, at, text=text)
            _outlasted(move, phase)
            return
        case e.ReplyFailed():  # whoever speaks is not apologised to in the middle of it
            _outlasted(move, phase)
            return
        case e.Interrupt():
            move.do(e.CancelReply(keep_heard=True))
            _end_turn(move, phase.reply.turn)
            _ignore(move, utterance, "empty")
            return
        case e.Sounded(_, sounding):
            phase = replace(phase, frames=(*phase.frames, sounding)[-FRAMES:])
            echo = not phase.held and utterance.quiet_since is None and phase.was == "echo"
            if echo and goes_on(phase.frames):
                phase = replace(_held(move, phase), held_at=phase.now)
        case e.SpeakerTold(_, turn, other) if turn == utterance.turn:
            phase = replace(phase, other=other)
        case e.VoiceQuiet(at):
            utterance = _quiet(utterance, at)
        case e.VoicePaused(at):
            utterance = _quiet(utterance, at)
            move.do(e.HurryTranscript(utterance.turn))
            phase = replace(phase, paused=True)
        case e.VoiceResumed(at) | e.VoiceStarted(at):
            utterance = replace(utterance, quiet_since=None, resumed_at=at, fresh=False, covered=False, complete=())
            phase = replace(phase, paused=False)
            if not phase.held and not phase.other:
                phase = replace(_held(move, phase), held_at=phase.now)
        case e.Transcribed(_, turn, transcript) if turn == utterance.turn:
            utterance = _heard(move, utterance, transcript, tell=False)
        case e.TranscriptionFailed(_, turn) if turn == utterance.turn:
            utterance = replace(utterance, failed=True)
        case e.EndJudged(_, quiet_since, complete) if quiet_since == utterance.quiet_since:
            utterance = replace(utterance, complete=(*utterance.complete, complete))
        case _:
            pass
    _judge(move, replace(phase, utterance=utterance))


def _muted(move: _Move) -> None:
    match move.talk.phase:
        case Hearing(utterance) | Endpointing(utterance):
            _ignore(move, utterance, "empty")
        case Listening():
            move.go(Idle())
        case Overlapping() as phase:
            _give_back(move, phase, Verdict("noise", "noise"))
        case _:
            pass


# --- what they have in common ---------------------------------------------------------------------------------------


def _new_utterance(move: _Move, at: float) -> None:
    utterance = Utterance(move.talk.turn + 1, at)
    move.talk = replace(move.talk, turn=utterance.turn)
    move.do(e.OpenUtterance(utterance.turn, at))
    move.emit("user.speech_started", utterance.turn, at)
    move.go(Hearing(utterance))


def _quiet(utterance: Utterance, at: float) -> Utterance:
    """The voice ended at ``at``: a final that had already come may cover all of it."""
    complete = utterance.complete if at == utterance.quiet_since else ()
    utterance = replace(utterance, quiet_since=at, complete=complete)
    heard = utterance.transcript
    if heard is None or not utterance.fresh:
        return utterance
    return replace(utterance, covered=utterance.covered or (heard.final and _covers(utterance, heard)))


def _covers(utterance: Utterance, transcript: e.Transcript) -> bool:
    """The transcript is about everything up to the last voiced sample."""
    quiet = utterance.quiet_since
    return utterance.cut or (quiet is not None and _reaches(transcript, quiet))


def _reaches(transcript: e.Transcript, quiet_since: float | None) -> bool:
    return transcript.until is None or quiet_since is None or transcript.until >= quiet_since - COVERED


def _resume(move: _Move, utterance: Utterance, at: float) -> None:
    """Voice again: whatever was drafted answered half a sentence."""
    move.go(Hearing(_resumed(move, _discard(move, utterance), at)))


def _resumed(move: _Move, utterance: Utterance, at: float) -> Utterance:
    pauses = utterance.pauses
    if utterance.quiet_since is not None and counted(at - utterance.quiet_since):
        pauses = (*pauses, at - utterance.quiet_since)[-KEPT:]
        move.talk = replace(move.talk, habit=move.talk.habit.with_pause(pauses[-1]))
    return replace(
        utterance, quiet_since=None, resumed_at=at, fresh=False, covered=False, draft=None, pauses=pauses, complete=()
    )


def _user_goes_on(move: _Move, phase: Replying, at: float) -> None:
    """Nothing of the reply was heard yet, so it never was: the user continues the same utterance."""
    if phase.utterance is None:
        move.do(e.CancelReply(keep_heard=False))
        if phase.turn is None and phase.text is not None:
            again = e.AnnouncementDue(move.at, phase.text, phase.kind)
            move.talk = replace(move.talk, announcements=(again, *move.talk.announcements))
        else:
            move.emit("user.superseded", phase.turn, by_turn=move.talk.turn + 1)
            _end_turn(move, phase.turn)
        _new_utterance(move, at)
        return
    utterance = phase.utterance
    if phase.text is None:
        utterance = _discard(move, utterance)
    else:
        move.do(e.CancelReply(keep_heard=False))
        move.emit("reply.discarded", utterance.turn)
    if utterance.cut:
        _close(move, utterance)
        if utterance.text:
            move.do(e.KeepUser(utterance.turn, utterance.text))
        move.emit("user.superseded", utterance.turn, by_turn=utterance.turn + 1)
        _end_turn(move, utterance.turn)
        _new_utterance(move, at)
        return
    move.emit("user.speech_started", utterance.turn, at)
    move.go(Hearing(_resumed(move, utterance, at)))


def _hear_words(move: _Move, utterance: Utterance, happening: e.Happening, kind: type[Hearing | Endpointing]) -> None:
    match happening:
        case e.Transcribed(_, turn, transcript) if turn == utterance.turn:
            _draft(move, _heard(move, utterance, transcript), kind)
        case e.TranscriptionFailed(_, turn) if turn == utterance.turn:
            move.go(kind(replace(utterance, failed=True)))
        case e.EndJudged(_, quiet_since, complete) if quiet_since == utterance.quiet_since:
            move.go(kind(replace(utterance, complete=(*utterance.complete, complete))))
        case e.ReplyFailed():
            # The draft came to nothing. It is not tried again before the commit, which asks once more.
            move.emit("reply.discarded", utterance.turn)
            move.go(kind(_given_up(utterance, move.rules)))
        case e.DeadlinePassed():
            _draft(move, utterance, kind)
        case _:
            pass


def _heard(move: _Move, utterance: Utterance, transcript: e.Transcript, *, tell: bool = True) -> Utterance:
    if utterance.covered and not transcript.final:
        return utterance  # a partial that the final has overtaken
    if tell:
        _tell_transcript(move, utterance, transcript)
    fresh = transcript.until is None or transcript.until > utterance.resumed_at
    covered = transcript.final and fresh and _covers(utterance, transcript)
    changed_at, unchanged, text = utterance.changed_at, utterance.unchanged, utterance.text
    if not utterance.fresh or text is None or not same_meaning(text, transcript.text):
        if utterance.fresh and text is not None:
            unchanged = max(unchanged, move.at - changed_at)
        changed_at = move.at
    return replace(
        utterance, transcript=transcript, fresh=fresh, covered=covered, changed_at=changed_at, unchanged=unchanged
    )


def _tell_transcript(move: _Move, utterance: Utterance, transcript: e.Transcript) -> None:
    before = utterance.transcript
    known = before is not None and before.text == transcript.text and (before.final or not transcript.final)
    if known and (utterance.fresh or not transcript.final):
        return
    if transcript.final:
        _tell_final(move, utterance.turn, transcript)
    elif transcript.text:
        move.emit("user.transcript.partial", utterance.turn, transcript.until, text=transcript.text)


def _tell_final(move: _Move, turn: int, transcript: e.Transcript) -> None:
    move.emit(
        "user.transcript.final",
        turn,
        transcript.until,
        text=transcript.text,
        language=transcript.language,
        provider=transcript.provider,
    )


def _draft(move: _Move, utterance: Utterance, kind: type[Hearing | Endpointing]) -> None:
    """Begin to answer behind a closed gate as soon as the words allow it; the pause is not waited for."""
    move.go(kind(_drafted(move, utterance)))


def _drafted(move: _Move, utterance: Utterance) -> Utterance:
    """With the draft that its words are worth, and without the one that they contradict."""
    text = utterance.text
    if not text:
        return utterance
    if utterance.draft is not None and contradicts(utterance.draft, text):
        utterance = _discard(move, utterance)
    if not _may_draft(move, utterance) or not _worth_a_draft(move, utterance):
        return utterance
    if utterance.draft is not None:
        if same_meaning(utterance.draft, text):
            return utterance
        utterance = _discard(move, utterance)
    move.emit("reply.drafted", utterance.turn)
    move.do(e.StartReply(utterance.turn, text, gate_open=False))
    return replace(utterance, draft=text, drafts=utterance.drafts + 1)


def _may_draft(move: _Move, utterance: Utterance) -> bool:
    """Within what drafts may cost."""
    rules = move.rules
    if not rules.drafts or utterance.drafts >= rules.drafts_per_turn:
        return False
    wasted = sum(each.tokens for each in move.talk.thrown_away if each.at > move.at - MINUTE)
    return wasted < rules.draft_tokens_per_minute


def _worth_a_draft(move: _Move, utterance: Utterance) -> bool:
    """The words are known, or read as complete and are likely to be all of them."""
    heard, quiet = utterance.transcript, utterance.quiet_since
    if utterance.covered and quiet is not None:
        return True
    if heard is None or not utterance.fresh or not reads_complete(utterance.text, heard.language):
        return False
    if quiet is not None and _reaches(heard, quiet):
        return True  # one that lags behind the voice lacks a word
    return move.at >= _unchanged_until(utterance)


def _unchanged_until(utterance: Utterance) -> float:
    return utterance.changed_at + max(SETTLED, SETTLED_BY * utterance.unchanged)


def _settles_at(move: _Move) -> float | None:
    """When words that do not change until then are worth a draft."""
    match move.talk.phase:
        case Hearing(utterance) | Endpointing(utterance):
            pass
        case Replying(text=None, utterance=Utterance() as utterance):
            pass
        case _:
            return None
    heard = utterance.transcript
    if heard is None or utterance.draft is not None or not utterance.fresh or not _may_draft(move, utterance):
        return None
    return _unchanged_until(utterance) if reads_complete(utterance.text, heard.language) else None


def _answerable(move: _Move, utterance: Utterance) -> bool:
    """The user has finished, and a partial has all that was said: its answer may be heard before the final comes."""
    heard, text = utterance.transcript, utterance.text
    if heard is None or not text or utterance.cut or not utterance.fresh or heard.until is None:
        return False
    if not _covers(utterance, heard) or not reads_complete(text, heard.language):
        return False
    begun = utterance.draft is not None and same_meaning(utterance.draft, text)
    return move.rules.drafts and (begun or _may_draft(move, utterance))


def _given_up(utterance: Utterance, rules: TurnRules) -> Utterance:
    return replace(utterance, draft=None, drafts=rules.drafts_per_turn)


def _discard(move: _Move, utterance: Utterance) -> Utterance:
    if utterance.draft is None:
        return utterance
    move.do(e.CancelReply(keep_heard=False))
    move.emit("reply.discarded", utterance.turn)
    return replace(utterance, draft=None)


def _commit(move: _Move, utterance: Utterance) -> None:
    """The user has finished."""
    end = utterance.quiet_since if utterance.quiet_since is not None else move.at
    move.emit("user.speech_ended", utterance.turn, end)
    waited = round((move.at - end) * 1000, 1)
    move.emit("turn.endpoint", utterance.turn, waited_ms=waited, policy=move.rules.endpoint.policy)
    if utterance.failed:
        _without_transcript(move, utterance)
    elif utterance.covered or _answerable(move, utterance):
        _answer(move, utterance)
    else:
        until = move.at + move.rules.longest_transcription
        move.go(Replying("answer", utterance.turn, utterance, None, waits_until=until))


def _without_transcript(move: _Move, utterance: Utterance) -> None:
    """No transcriber is left: answer what was understood before it failed, or apologise."""
    if utterance.text:
        _answer(move, utterance)
    else:
        _close(move, _discard(move, utterance))
        _apologise(move, utterance.turn)


def _answer(move: _Move, utterance: Utterance) -> None:
    text = utterance.text
    if not text:
        _not_understood(move, utterance)
        return
    if (
        utterance.over
        and meant(text, None if utterance.transcript is None else utterance.transcript.language) == "stop"
    ):
        _heeded(move, utterance)
        return
    move.talk = replace(move.talk, not_caught=0)
    if utterance.draft is not None and same_meaning(utterance.draft, text):
        move.do(e.OpenGate(utterance.turn))
        if text != utterance.draft:
            move.do(e.CorrectUser(utterance.turn, text))
    else:
        utterance = _discard(move, utterance)
        move.do(e.StartReply(utterance.turn, text, gate_open=True))
    _committed(move, utterance.turn, "answer")
    move.go(Replying("answer", utterance.turn, replace(utterance, draft=None), text))


def _not_understood(move: _Move, utterance: Utterance) -> None:
    """There are no words. Whoever did speak is asked to say it again, unless that was of no use before."""
    if utterance.transcript is None or not utterance.transcript.unintelligible:
        _ignore(move, utterance, "empty")
        return
    rules, asked = move.rules, move.talk.not_caught
    end = utterance.quiet_since if utterance.quiet_since is not None else move.at
    if rules.not_caught and asked < rules.times_asking and end - utterance.since >= rules.worth_asking:
        again = e.AnnouncementDue(move.at, rules.not_caught)
        move.talk = replace(move.talk, not_caught=asked + 1, announcements=(again, *move.talk.announcements))
    _ignore(move, utterance, "unintelligible")


def _committed(move: _Move, turn: int | None, kind: e.ReplyKind) -> None:
    move.emit("reply.committed", turn)
    move.emit("reply.started", turn, kind=kind)


def _understood_late(move: _Move, phase: Replying, utterance: Utterance, transcript: e.Transcript) -> None:
    """A transcript after the commit, nothing heard yet."""
    before = phase.text
    if before is None:
        heard = _heard(move, utterance, transcript)
        told = heard.text or transcript.unintelligible  # half a request is none to a recogniser
        more = told and not heard.cut and _done_at(heard, move.rules, move.talk.habit) > move.at
        if heard.covered and more:
            _draft(move, heard, Endpointing)  # decided without the words, and the words say that more will come
        elif heard.covered or (_answerable(move, heard) and not more):
            _answer(move, heard)
        else:
            move.go(replace(phase, utterance=_drafted(move, heard)))
        return
    if not transcript.final:
        return
    if utterance.transcript is not None and not utterance.transcript.final and not utterance.failed:
        _confirmed(move, phase, utterance, transcript)
        return
    heard, text = replace(utterance, transcript=transcript), transcript.text.strip()
    if not text:
        return
    if text == before:
        move.go(replace(phase, utterance=heard))
        return
    move.emit("user.transcript.revised", utterance.turn, transcript.until, text=text, before=before)
    _answer_instead(move, phase, heard, text)


def _confirmed(move: _Move, phase: Replying, utterance: Utterance, transcript: e.Transcript) -> None:
    """The first final of what is answered already, on a partial that read as complete."""
    heard, text = _heard(move, utterance, transcript), transcript.text.strip()
    if not heard.covered:
        return  # of an earlier part of it
    more = text and _done_at(heard, move.rules, move.talk.habit) > move.at
    if text and not more:
        _answer_instead(move, phase, heard, text)
        return
    move.do(e.CancelReply(keep_heard=False))
    move.emit("reply.discarded", utterance.turn)
    if more:
        _draft(move, heard, Endpointing)
    else:
        _not_understood(move, heard)


def _answer_instead(move: _Move, phase: Replying, heard: Utterance, text: str) -> None:
    """The answer goes on if it answers ``text`` too; else it is begun again, for nothing of it was heard."""
    before = phase.text or ""
    if text == before:
        pass
    elif same_meaning(before, text):
        move.do(e.CorrectUser(heard.turn, text))
    else:
        move.do(e.CancelReply(keep_heard=False))
        move.emit("reply.discarded", heard.turn)
        move.do(e.StartReply(heard.turn, text, gate_open=True))
        _committed(move, heard.turn, "answer")
    move.go(replace(phase, utterance=heard, text=text))


def _leave(move: _Move, phase: Replying) -> None:
    """The answer is heard: from here on its question can be corrected, and the answer cannot."""
    utterance = phase.utterance
    heard = None if utterance is None else utterance.transcript
    if utterance is None or utterance.failed or heard is None or phase.text is None:
        _close(move, utterance)
        return
    if heard.final and not heard.provisional:
        _close(move, utterance)
        return
    if move.talk.left is not None:
        move.do(e.CloseUtterance(move.talk.left.turn))
    move.do(e.LeaveUtterance(utterance.turn))
    until = move.at + move.rules.longest_correction
    left = Left(utterance.turn, phase.text, until, not heard.final, utterance.quiet_since)
    move.talk = replace(move.talk, left=left)


def _correct(move: _Move, left: Left, happening: e.Happening) -> None:
    """What happens to an utterance that was left."""
    awaited: Left | None = left
    match happening:
        case e.Transcribed(_, turn, transcript) if turn == left.turn and transcript.final:
            if left.partial and not _reaches(transcript, left.quiet_since):
                return  # of an earlier part of it
            text = transcript.text.strip()
            if left.partial and text:
                _tell_final(move, turn, transcript)
            elif text and text != left.text:
                move.emit("user.transcript.revised", turn, transcript.until, text=text, before=left.text)
            if text and text != left.text:
                move.do(e.CorrectUser(turn, text))
                left = replace(left, text=text)
            awaited = replace(left, partial=False) if transcript.provisional else None
        case e.TranscriptionFailed(_, turn) if turn == left.turn:
            awaited = None
        case e.DeadlinePassed(at) if at >= left.until:
            awaited = None
        case _:
            pass
    if awaited is None:
        move.do(e.CloseUtterance(left.turn))
    move.talk = replace(move.talk, left=awaited)


# --- overlaps -------------------------------------------------------------------------------------------------------


def _overlap(move: _Move, reply: Replying, at: float, told: float) -> None:
    """A voice over the reply, from ``at`` on: hold it, and listen."""
    utterance = Utterance(move.talk.turn + 1, at)
    move.talk = replace(move.talk, turn=utterance.turn)
    move.emit("overlap.started", reply.turn, at)
    phase = _held(move, Overlapping(reply, utterance, held_at=told, now=told))
    move.do(e.OpenUtterance(utterance.turn, at))
    move.go(phase)
    _judge(move, phase)


def _held(move: _Move, phase: Overlapping) -> Overlapping:
    if move.rules.overlap == "duck":
        move.do(e.DuckPlayback())
        move.emit("reply.paused", phase.reply.turn, ducked=True)
    else:
        move.do(e.PausePlayback())
        move.emit("reply.paused", phase.reply.turn)
    return replace(phase, held=True)


def _evidence(phase: Overlapping) -> OverlapEvidence:
    utterance = phase.utterance
    heard = utterance.transcript
    return OverlapEvidence(
        at=phase.now,
        since=utterance.since,
        held_at=max(phase.held_at, utterance.resumed_at),
        held=phase.held,
        quiet_since=utterance.quiet_since,
        text=utterance.text if utterance.fresh or utterance.quiet_since is None else None,
        final=utterance.covered,
        understood=heard is None or not heard.unintelligible,
        failed=utterance.failed,
        language=None if heard is None else heard.language,
        frames=phase.frames,
        other_speaker=phase.other,
    )


def _judge(move: _Move, phase: Overlapping) -> None:
    verdict = judge(move.rules.barge_in, _evidence(phase), move.rules.overlaps)
    if verdict is None:
        move.go(phase)
    elif verdict.kind == "floor":
        move.emit("overlap.decided", phase.reply.turn, kind="floor")
        move.do(e.CancelReply(keep_heard=True))
        _end_turn(move, phase.reply.turn)
        _take_floor(move, phase)
    elif verdict.kind == "stop":
        move.emit("overlap.decided", phase.reply.turn, kind="stop")
        move.do(e.CancelReply(keep_heard=True))
        _end_turn(move, phase.reply.turn)
        _stopped(move, phase.utterance)
    elif verdict.sure:
        _give_back(move, phase, verdict)
    else:
        _resume_reply(move, phase, verdict.reason)
        move.go(replace(phase, held=False, was=verdict.kind))


def _take_floor(move: _Move, phase: Overlapping) -> None:
    """What was said over the reply is the next utterance, from its first sample on."""
    utterance = replace(phase.utterance, over=move.rules.barge_in == "words")
    move.emit("user.speech_started", utterance.turn, utterance.since)
    _draft(move, _told(move, utterance), Endpointing if phase.paused else Hearing)


def _told(move: _Move, utterance: Utterance) -> Utterance:
    """The observers hear of the transcript that was kept from them until now."""
    if utterance.transcript is not None:
        _tell_transcript(move, replace(utterance, transcript=None), utterance.transcript)
    return utterance


def _stopped(move: _Move, utterance: Utterance) -> None:
    """The user wanted silence, and has it: there is nothing to answer."""
    move.emit("user.speech_started", utterance.turn, utterance.since)
    utterance = _told(move, utterance)
    move.emit("user.speech_ended", utterance.turn, utterance.quiet_since)
    _heeded(move, utterance)


def _heeded(move: _Move, utterance: Utterance) -> None:
    if utterance.text:
        move.do(e.KeepUser(utterance.turn, utterance.text))
    _ignore(move, utterance, "empty")


def _give_back(move: _Move, phase: Overlapping, verdict: Verdict) -> None:
    """It was nothing: the reply has the floor."""
    move.emit("overlap.decided", phase.reply.turn, kind=verdict.kind)
    _resume_reply(move, phase, verdict.reason)
    kind = verdict.kind
    if phase.other:
        _pass_over(move, phase.utterance, "other_speaker")
    else:
        _pass_over(move, phase.utterance, kind if kind == "noise" or kind == "echo" else "empty")
    move.go(phase.reply)


def _resume_reply(move: _Move, phase: Overlapping, reason: Reason | None) -> None:
    if phase.held:
        move.do(e.ResumePlayback())
        move.emit("reply.resumed", phase.reply.turn, reason=reason)


def _outlasted(move: _Move, phase: Overlapping) -> None:
    """The reply has ended while the user speaks over it."""
    _end_turn(move, phase.reply.turn)
    move.emit("overlap.decided", phase.reply.turn, kind="floor")
    move.do(e.ResumePlayback())  # nothing is held any more, and the next reply must not be
    _take_floor(move, phase)


def _apologise(move: _Move, turn: int | None, again: bool = False) -> None:
    if again:
        move.emit("warning", turn, message="the apology could not be spoken either: no voice works")
        _end_turn(move, turn)
        move.rest()
        return
    move.do(e.Say(turn, move.rules.apology, "apology"))
    _committed(move, turn, "apology")
    move.go(Replying("apology", turn, None, move.rules.apology))


def _ignore(move: _Move, utterance: Utterance, reason: e.IgnoreReason) -> None:
    _pass_over(move, utterance, reason)
    move.rest()


def _pass_over(move: _Move, utterance: Utterance, reason: e.IgnoreReason) -> None:
    _close(move, _discard(move, utterance))
    move.emit("user.ignored", utterance.turn, **ignored(utterance.transcript, reason))
    _end_turn(move, utterance.turn)


def _close(move: _Move, utterance: Utterance | None) -> None:
    if utterance is not None:
        move.do(e.CloseUtterance(utterance.turn))


def _end_turn(move: _Move, turn: int | None) -> None:
    if turn is not None:
        move.do(e.EndTurn(turn))


def _announce_if_free(move: _Move) -> None:
    if isinstance(move.talk.phase, Listening) and move.talk.announcements:
        due, *rest = move.talk.announcements
        move.talk = replace(move.talk, announcements=tuple(rest))
        move.do(e.Say(None, due.text, due.kind))
        _committed(move, None, due.kind)
        move.go(Replying(due.kind, None, None, due.text))
