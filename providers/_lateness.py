"""When is a call late? Pure: times are arguments."""

from __future__ import annotations

import math
from collections import deque

KEPT = 100
"""Calls that are remembered: some minutes of talk, so that it follows how the provider fares today."""
ENOUGH = 20
"""Calls after which their 95th percentile means something: it is then the second longest of them."""
SHARE = 0.95
USUAL = 0.75
"""Of the calls, so many must not have been overtaken for the others to be exceptions."""
MARGIN = 0.005
"""Seconds: a provider whose times hardly differ is not late for a little noise."""


class Lateness:
    """How long a provider's newest calls took to give something, and after how long the next one is late."""

    def __init__(self, after: float) -> None:
        """``after``: seconds that count as late while too little is known."""
        self._after = after
        self._calls: deque[tuple[float, bool]] = deque(maxlen=KEPT)

    def took(self, seconds: float, *, overtaken: bool = False) -> None:
        """It gave something after ``seconds``, or was given up then because another was quicker (``overtaken``).

        One that was merely late and then quicker after all is the provider's own time and must be told as such: without
        those, ever more calls would count as late.
        """
        self._calls.append((seconds, overtaken))

    @property
    def limit(self) -> float:
        """Seconds after which a call is late."""
        if len(self._calls) < ENOUGH:
            return self._after
        # Calls that were overtaken are what hedging is for, and no measure of what is usual: unless they are so many
        # that the provider has become slow.
        times = [seconds for seconds, overtaken in self._calls if not overtaken]
        if len(times) < USUAL * len(self._calls):
            times = [seconds for seconds, _ in self._calls]
        return sorted(times)[math.ceil(SHARE * len(times)) - 1] + MARGIN
