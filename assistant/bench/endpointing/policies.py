"""Which policies are compared, and the settings that each is swept over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

from assistant.conversation.evidence import EndpointRules

LAGS = (0.1, 0.3, 0.5)
"""Seconds by which text is behind the voice: a fast stream, a usual one, eot-bench's."""


@dataclass(frozen=True, slots=True)
class Family:
    name: str
    usual: EndpointRules
    """As it comes."""
    settings: Sequence[EndpointRules]
    """What the knobs are turned to, when a budget is to be kept."""
    lag: float | None = None
    """It is given words, so many seconds late; None: no words."""
    scored: bool = False
    """It is given a detector's answers."""

    @property
    def learns(self) -> bool:
        """Its weights are fitted to recordings."""
        return self.usual.policy == "adaptive"


def families(*, words: bool, detector: bool) -> list[Family]:
    """``words``: those that take text, at each lag. ``detector``: there is one to listen to."""
    least = EndpointRules("adaptive", silence=0.1)
    patience = [replace(least, patience=round(step * 0.05 - 0.8, 2)) for step in range(39)]
    fixed = [EndpointRules("fixed", silence=round(0.1 + step * 0.05, 2)) for step in range(31)]
    found = [
        Family("silence only", EndpointRules("fixed"), fixed),
        Family("adaptive", EndpointRules("adaptive"), patience),
    ]
    if detector:
        knobs = product((0.3, 0.5, 0.7, 0.8, 0.9, 0.95), (0.2, 0.3, 0.4, 0.5, 0.6), (0.8, 1.0, 1.2, 1.6, 2.0))
        swept = [EndpointRules("smart-turn", 0.1, enough=e, scored=s, doubted=d) for e, s, d in knobs]
        found += [
            Family("smart-turn", EndpointRules("smart-turn"), swept, scored=True),
            Family("adaptive, scored", EndpointRules("adaptive"), patience, scored=True),
        ]
    if words:
        text = [replace(each, policy="text") for each in patience]
        for lag in LAGS:
            late = f"words {lag:g} s late"
            found += [
                Family(f"text, {late}", EndpointRules("text"), text, lag),
                Family(f"adaptive, {late}", EndpointRules("adaptive"), patience, lag),
            ]
            if detector:
                found.append(Family(f"adaptive, scored, {late}", EndpointRules("adaptive"), patience, lag, True))
    return found
