"""The conversation so far, as the model is shown it: an interrupted answer keeps exactly the words that were heard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Text:
    """A part of a message."""

    text: str


Part = Text
"""What a message is made of. Text today."""


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["system", "user", "assistant"]
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts)


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """When a word of a text begins in the sound made of it."""

    start: float
    """Seconds from the first sample of the sound made of that text."""
    offset: int
    """Index of the word's first character in that text."""
    length: int
    """Characters."""
