"""Is it the enrolled voice? Two voices as numbers -> how alike they are, and what may be concluded. Pure.

The cosine means something else in every model, so each says where a voice and a stranger's are equally likely, and how
fast that changes (`assistant.ports.SpeakerId`); the logistic function of the two is the probability that it is theirs,
as often theirs as not beforehand. Only what is plain is concluded: a voice with a cold stays the user's own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

Whose = Literal["theirs", "other"]

THEIRS, OTHER = 0.5, 0.1
"""Probabilities from which, and up to which, something is concluded."""
SURELY_THEIRS, SURELY_OTHER = 0.9, 1e-4
"""The same of less than a second of speech, which tells less: with these it lets in nobody whom a second would not, and
refuses nobody whom a second would let in (docs/measurements.md)."""


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """Of the angle between them, -1 to 1. Raises ValueError for two of different models' sizes."""
    product = sum(a * b for a, b in zip(one, other, strict=True))
    lengths = math.sqrt(sum(a * a for a in one) * sum(b * b for b in other))
    return max(-1.0, min(1.0, product / lengths)) if lengths > 0 else 0.0


def joined(voices: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """The voice that several stretches of one person make together: their mean, of length 1."""
    sums = [math.fsum(values) for values in zip(*voices, strict=True)]
    length = math.sqrt(math.fsum(value * value for value in sums))
    return tuple(value / length for value in sums) if length > 0 else tuple(sums)


def likeness(cosine: float, chance: float, spread: float) -> float:
    """The probability that the voice is theirs, 0 to 1."""
    return 0.5 * (1.0 + math.tanh((cosine - chance) / (2.0 * spread)))


def whose(likeness: float, *, enough: bool = True) -> Whose | None:
    """None: it may be theirs. ``enough``: by a second of speech, or more."""
    if likeness >= (THEIRS if enough else SURELY_THEIRS):
        return "theirs"
    return "other" if likeness <= (OTHER if enough else SURELY_OTHER) else None
