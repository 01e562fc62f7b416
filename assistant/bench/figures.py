"""Values of many turns -> median and 95th percentile, and between which values they surely lie. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

from assistant.observe.metrics import percentile

CONFIDENCE = 0.95
FEW = 20
"""With fewer values the 95th percentile by nearest rank is the greatest of them."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Of ``count`` values; everything None where there are none."""

    count: int
    p50: float | None
    p95: float | None
    p50_between: tuple[float | None, float | None]
    """The interval that holds the true median with at least CONFIDENCE; None: so few values bound it not."""
    p95_between: tuple[float | None, float | None]

    @property
    def p95_is_the_worst(self) -> bool:
        return 0 < self.count < FEW


def spread(values: Sequence[float]) -> Spread:
    if not values:
        return Spread(0, None, None, (None, None), (None, None))
    return Spread(
        len(values), percentile(values, 50), percentile(values, 95), interval(values, 50), interval(values, 95)
    )


def interval(values: Sequence[float], p: int) -> tuple[float | None, float | None]:
    """Two of the values between which the ``p``-th percentile of all that could have been measured lies.

    By order statistics, whatever the distribution: how many values are below the percentile is binomial. Each side is
    missed with a probability of at most (1 - CONFIDENCE) / 2; None where no value is far enough out for that (the
    median needs 6 values, the upper side of the 95th percentile 72).
    """
    ordered = sorted(values)
    count, share, miss = len(ordered), p / 100, (1 - CONFIDENCE) / 2
    below = 0.0  # the probability that at most ``rank`` values lie below the percentile
    low: float | None = None
    for rank, value in enumerate(ordered):
        below += comb(count, rank) * share**rank * (1 - share) ** (count - rank)
        if below <= miss:
            low = value
        if below >= 1 - miss:
            return low, value
    return low, None
