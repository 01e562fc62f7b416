"""Rests a sick provider. Pure: time is an argument.

A provider that failed is left alone for 5 s, then 10, 20, 40 and at most 60 s; for 300 s when what is wrong will last
(the key, the balance, the model's name); never for less than it asked for. After the rest one call is let through as a
probe while others keep going elsewhere; when it succeeds, all is forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

FIRST_REST = 5.0
LONGEST_REST = 60.0
LASTING_REST = 300.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of one provider."""

    failures: int = 0
    """In a row."""
    rests_until: float = float("-inf")


def failed(health: Health, now: float, *, lasting: bool = False, retry_after: float | None = None) -> Health:
    """It failed at ``now``. ``lasting``: asking again soon is of no use. ``retry_after``: seconds that it asked for."""
    failures = health.failures + 1
    rest = LASTING_REST if lasting else min(FIRST_REST * 2.0 ** min(failures - 1, 30), LONGEST_REST)
    if retry_after is not None:
        # Its own word is better than a guess, the first time; after that it has not kept it.
        rest = retry_after if failures == 1 and not lasting else max(rest, retry_after)
    return Health(failures, now + rest)


def called(health: Health, now: float) -> Health:
    """A call to it begins. A probe holds others off for a moment, until its outcome is known."""
    return health if health.failures == 0 else replace(health, rests_until=max(health.rests_until, now + FIRST_REST))


def succeeded() -> Health:
    return Health()


def order(healths: Sequence[Health], now: float) -> list[int]:
    """Whom to ask, first to last: the rested in their own order, then the one whose rest is nearest its end."""
    ready = [index for index, health in enumerate(healths) if health.rests_until <= now]
    resting = [index for index, health in enumerate(healths) if health.rests_until > now]
    return ready + sorted(resting, key=lambda index: healths[index].rests_until)[:1]
