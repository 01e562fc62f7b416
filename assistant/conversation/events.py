"""What happened, and what to do about it: the vocabulary of the conversation.

Everything here is a frozen value. Times named ``at`` are seconds on the audio clock (capture sample index / 16000);
they are stamped once, at the edge, and passed in. Nothing in this package reads a clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from assistant.conversation.sounding import Sounding

ReplyKind = Literal["answer", "announcement", "apology"]
IgnoreReason = Literal["noise", "echo", "empty", "unintelligible", "invented", "other_speaker"]


@dataclass(frozen=True, slots=True)
class Word:
    """One recognised word with its time."""

    text: str
    start: float
    """Seconds on the audio clock."""
    end: float
    """Seconds on the audio clock."""


@dataclass(frozen=True, slots=True)
class Sureness:
    """What a recogniser says of its own words; None where it does not tell."""

    log_probability: float | None = None
    """Mean of its tokens, natural logarithm."""
    no_speech: float | None = None
    """Probability that there was no speech at all."""


@dataclass(frozen=True, slots=True)
class Invention:
    """Words that a recogniser made up, and that nobody is to be answered."""

    text: str
    """Empty where nothing was said and nothing decoded."""
    why: str
    """See `assistant.conversation.invented`."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a transcriber believes the whole utterance says so far (never only the newest segment)."""

    text: str
    final: bool
    until: float | None = None
    """Audio-clock second up to which the sound is covered; None where the provider cannot tell."""
    language: str | None = None
    """BCP 47 code where known."""
    provider: str = ""
    words: tuple[Word, ...] = ()
    end_of_turn: bool = False
    """The provider itself says that the user has finished."""
    unintelligible: bool = False
    """Speech was heard, and none that the recogniser knows: ``text`` is empty and nothing is guessed."""
    provisional: bool = False
    """A final that is good enough to answer. A better one of the same sound, or the same again, is on its way."""
    sureness: Sureness | None = None
    invention: Invention | None = None
    """What was taken out because nobody said it: ``text`` is empty."""


# --- voice: what segment.py makes of speech probabilities ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VoiceStarted:
    """Enough speech to believe in. The first voiced sample was at ``at``."""

    at: float
    told: float | None = field(default=None, compare=False)
    """The end of the frame that made it enough, where known."""


@dataclass(frozen=True, slots=True)
class VoiceQuiet:
    """The first frame without speech after speech; ``at`` is the last voiced sample. A pause may follow, or not."""

    at: float


@dataclass(frozen=True, slots=True)
class VoicePaused:
    """About 100 ms without voice; ``at`` is the last voiced sample."""

    at: float


@dataclass(frozen=True, slots=True)
class VoiceResumed:
    """Voice again after VoiceQuiet or VoicePaused, in the same stretch of talk; ``at`` is its first voiced sample."""

    at: float


Voice = VoiceStarted | VoiceQuiet | VoicePaused | VoiceResumed


# --- everything else that can happen --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Transcribed:
    """A partial or a final of turn ``turn``'s utterance arrived."""

    at: float
    turn: int
    transcript: Transcript


@dataclass(frozen=True, slots=True)
class EndJudged:
    """A detector has listened to the silence that began at ``quiet_since``."""

    at: float
    quiet_since: float
    """Audio-clock second of the last voiced sample."""
    complete: float
    """Its probability that the user has finished."""


@dataclass(frozen=True, slots=True)
class SpeakerTold:
    """Somebody knows whose voice sounds over the reply, as far as that can be told."""

    at: float
    turn: int
    """What may be the next utterance."""
    other: bool
    """It is plainly not the enrolled one."""


@dataclass(frozen=True, slots=True)
class StopSpotted:
    """A stop word was spotted in what sounds over the reply, before anybody has transcribed it."""

    at: float
    turn: int
    """What may be the next utterance."""
    phrase: str
    end: float
    """Audio-clock second of its end."""


@dataclass(frozen=True, slots=True)
class Sounded:
    """A frame over the reply was measured; ``at`` is its end."""

    at: float
    sounding: Sounding


@dataclass(frozen=True, slots=True)
class TranscriptionFailed:
    """No transcriber is left for this turn's utterance."""

    at: float
    turn: int


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """The deadline that ``step`` asked for has come."""

    at: float


@dataclass(frozen=True, slots=True)
class ReplyAudible:
    """The first sample of the committed reply left the loudspeaker at ``at``."""

    at: float


@dataclass(frozen=True, slots=True)
class ReplyFinished:
    """The last sample of the committed reply left the loudspeaker at ``at``."""

    at: float
    text: str
    """All that was said."""


@dataclass(frozen=True, slots=True)
class ReplyFailed:
    """The reply (or draft) cannot go on: no model or no voice is left."""

    at: float
    text: str = ""
    """What had been heard of it before."""


@dataclass(frozen=True, slots=True)
class ThrownAway:
    """An answer was cancelled of which nobody had heard anything."""

    at: float
    tokens: int
    """Of the model's, that were read and written for it: an estimate."""


@dataclass(frozen=True, slots=True)
class AnnouncementDue:
    """Something to say without being asked: a timer, a greeting, an apology."""

    at: float
    text: str
    kind: ReplyKind = "announcement"


@dataclass(frozen=True, slots=True)
class Interrupt:
    """The interrupt key: the reply stops, nothing answers it."""

    at: float


@dataclass(frozen=True, slots=True)
class Mute:
    """Stop listening (Idle) until Unmute."""

    at: float


@dataclass(frozen=True, slots=True)
class Unmute:
    at: float


Happening = (
    Voice
    | Transcribed
    | EndJudged
    | Sounded
    | SpeakerTold
    | StopSpotted
    | TranscriptionFailed
    | DeadlinePassed
    | ReplyAudible
    | ReplyFinished
    | ReplyFailed
    | ThrownAway
    | AnnouncementDue
    | Interrupt
    | Mute
    | Unmute
)


# --- actions: what the shell must do, in this order ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenUtterance:
    """Start transcribing turn ``turn`` with all captured sound from ``since`` on (pre-roll included)."""

    turn: int
    since: float


@dataclass(frozen=True, slots=True)
class HurryTranscript:
    """The user has paused: ask the transcriber for a final of what it has."""

    turn: int


@dataclass(frozen=True, slots=True)
class LeaveUtterance:
    """The utterance is over, and its transcriber gets no more sound; but a better transcript is still to come."""

    turn: int


@dataclass(frozen=True, slots=True)
class CloseUtterance:
    """Nothing more is wanted of this utterance's transcriber, be it left already or not."""

    turn: int


@dataclass(frozen=True, slots=True)
class StartReply:
    """Begin a reply to ``text``. With ``gate_open`` False it is a draft: it must not be heard, nor change anything."""

    turn: int
    text: str
    gate_open: bool


@dataclass(frozen=True, slots=True)
class OpenGate:
    """The draft is the reply: let it be heard."""

    turn: int


@dataclass(frozen=True, slots=True)
class Say:
    """Speak ``text`` as it is, without a model."""

    turn: int | None
    text: str
    kind: ReplyKind


@dataclass(frozen=True, slots=True)
class CancelReply:
    """Cancel the reply or draft whole: its sound is dropped first."""

    keep_heard: bool
    """The history keeps what was heard of it."""


@dataclass(frozen=True, slots=True)
class PausePlayback:
    pass


@dataclass(frozen=True, slots=True)
class DuckPlayback:
    """Play on, much softer."""


@dataclass(frozen=True, slots=True)
class ResumePlayback:
    """Go on from the very sample that was held, as loud as before."""


@dataclass(frozen=True, slots=True)
class CorrectUser:
    """The history's user message of this turn was understood better: replace its text."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class KeepUser:
    """The user said ``text`` and goes on before it could be answered: the history keeps it."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class EndTurn:
    """The turn is over: its ledger may be closed."""

    turn: int


@dataclass(frozen=True, slots=True)
class Emit:
    """Tell the observers. ``event`` and ``data`` are the JSON event of the command line's contract."""

    event: str
    at: float | None
    """The moment described; None: now."""
    turn: int | None
    data: tuple[tuple[str, object], ...] = ()


Action = (
    OpenUtterance
    | HurryTranscript
    | LeaveUtterance
    | CloseUtterance
    | StartReply
    | OpenGate
    | Say
    | CancelReply
    | PausePlayback
    | DuckPlayback
    | ResumePlayback
    | CorrectUser
    | KeepUser
    | EndTurn
    | Emit
)
