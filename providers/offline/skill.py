"""What a skill is given and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from assistant.ports import SideEffect


@dataclass(frozen=True, slots=True)
class Pending:
    """A timer or an alarm that has been set and has not rung."""

    id: object
    """How whoever keeps it calls it; goes back in ``SideEffect("cancel", {"id": id})``."""
    kind: Literal["timer", "alarm"]
    at: datetime
    """When it rings, with its zone."""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    said: str
    """The user's words as they were transcribed."""
    plain: str
    """The same as one of `matcher.forms`."""
    earlier: tuple[str, ...]
    """What the user asked before, oldest first, each as `matcher.request` leaves it."""
    answered: str
    """The assistant's newest message, "" at the beginning."""
    now: datetime
    """Local time, with its zone."""
    seed: int
    """Where the jokes and stories begin."""
    timers: tuple[Pending, ...] = ()
    """What is set to ring, the next one first."""


@dataclass(frozen=True, slots=True)
class Answer:
    sentences: tuple[str, ...]
    """Each is handed to the voice on its own."""
    effects: tuple[SideEffect, ...] = ()
    """What is to be done once the answer is really given."""


@dataclass(frozen=True, slots=True)
class Skill:
    name: str
    can: str
    """Completes "I can ..."; "" for what goes without saying."""
    examples: tuple[str, ...]
    """What one may say."""
    answer: Callable[[Request], Answer | None]
    """A pure function; None when the request is not for this skill."""
    grammar: str
    """What a grammar-bound recogniser listens for, as the right-hand side of a JSGF rule; see `grammar`. Narrower than
    what ``answer`` understands: every sentence more is one more to mishear."""
    effects: frozenset[str] = frozenset()
    """The SideEffects without which its answers would be empty promises: offered only to who carries them out."""
