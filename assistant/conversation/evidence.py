"""What a policy knows when it is asked whether the user has finished."""

from __future__ import annotations

from dataclasses import dataclass, field

from assistant.conversation import end_weights
from assistant.conversation.pauses import Habit
from assistant.conversation.reading import Reads, judge

__all__ = ["ASKED_AT", "SHIPPED", "EndpointRules", "Evidence", "Weights"]

ASKED_AT = (0.064, 0.192, 0.384, 0.64)
"""Seconds of silence at which a detector is asked, and asked again: the first answer is there before anything could
have been decided, and a longer silence is a better picture of an end."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What ``adaptive`` makes of a silence: log-odds that it is the end, and how long a pause may be."""

    bias: float
    """Of a silence that goes by without anything being known."""
    pauses: float
    """Less for each unit of log(1 + pauses so far)."""
    voice: float
    """More for each unit of log(seconds of voice / 2) without a pause."""
    score: float
    """More for each unit of the log-odds in the detector's first answer ..."""
    change: float
    """... and for each unit that its newest has more."""
    spread: float
    """Standard deviation of the logarithms of one speaker's pauses."""
    belief: float
    """So many pauses' weight has the belief that they are as long as usual."""


SHIPPED = (Weights(**end_weights.UNSCORED), Weights(**end_weights.SCORED))
"""Without a detector's score, and with one."""


@dataclass(frozen=True)
class EndpointRules:
    policy: str = "text"
    """A name in `endpoint.POLICIES`."""
    silence: float = 0.2
    """Seconds after the last voiced sample: for ``fixed`` exactly the wait, for the others the least."""
    max_silence: float = 2.5
    """Seconds: the most that a policy other than ``fixed`` may wait."""
    patience: float = 0.0
    """Seconds that ``text`` waits longer than it would, and ``adaptive`` about so many where it waits; negative:
    shorter. The bench turns it."""
    enough: float = 0.8
    """For ``smart-turn``: the probability from which the detector counts as sure that the user has finished."""
    scored: float = 0.4
    """For ``smart-turn``: seconds to wait when it is sure."""
    doubted: float = 1.2
    """For ``smart-turn``: seconds to wait when it is not."""
    weights: tuple[Weights, Weights] = SHIPPED
    """For ``adaptive``: without a detector's score, and with one."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """About one silence of one utterance."""

    text: str | None = None
    """The newest transcript of the utterance; None while there is none."""
    final: bool = False
    """It is not a partial."""
    end_of_turn: bool = False
    """The transcriber itself says that the user has finished."""
    language: str | None = None
    """BCP 47 code where known."""
    understood: bool = True
    """False for speech of which the transcriber made nothing."""
    complete: tuple[float, ...] = ()
    """A detector's probabilities that the user has finished, each about a longer stretch of this silence; empty while
    there is none."""
    pauses: tuple[float, ...] = ()
    """Seconds of the pauses inside the utterance after which the user went on, oldest first."""
    voice: float | None = None
    """Seconds from the first voiced sample to the last; None: not known."""
    habit: Habit = field(default_factory=Habit)
    """How long this user pauses."""

    @property
    def reads(self) -> Reads | None:
        """How the text reads; None without one."""
        return judge(self.text, self.language) if self.text and self.text.strip() else None
