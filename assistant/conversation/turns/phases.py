"""What is known of the conversation between two steps: its state, and what goes on beside it."""

from __future__ import annotations

from dataclasses import dataclass, field

from assistant.conversation import events as e
from assistant.conversation.overlap import OverlapKind
from assistant.conversation.pauses import Habit
from assistant.conversation.sounding import Sounding


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
    stopped: e.StopSpotted | None = None
    """A stop word that was spotted in it, over a reply, and no voice has come since."""

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


FRAMES = 48
"""Frames that an overlap is judged by at most: 1.5 s, longer than anything that is no speech is waited for."""


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
    hushed_at: float | None = None
    """When the reply was silenced for a stop word that was spotted, which its transcript may take back."""
    other: bool | None = None
    """The voice is plainly not the enrolled one; None: not told yet."""
    partials: bool = False
    """The recogniser is known to tell words while somebody speaks."""


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
    partials: bool = False
    """The recogniser tells words while somebody speaks: it has done so."""


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
