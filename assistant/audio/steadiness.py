"""How much a loudspeaker must be handed in advance: little at first, more as soon as it ran dry again and again.

Pure; every time is an argument, in seconds.
"""

from __future__ import annotations

from collections import deque

STEPS = (0.04, 0.08, 0.16, 0.32)
"""Seconds in advance to try one after another. Before them comes the least that the device offers."""
TOO_MANY = 3
"""Times that it ran dry ..."""
WITHIN = 10.0
"""... in so many seconds, and more is handed over in advance."""
GRACE = 1.0
"""Seconds from its opening in which nothing counts: a device that starts may stumble."""
NO_LONGER = 1.0
"""Seconds to wait for silence before the sound is interrupted for it: a gap is better than to go on crackling."""


class Steadiness:
    """Counts, and decides when to go one step further. It never goes back: what happened may happen again."""

    def __init__(self) -> None:
        self.seconds: float | None = None
        """To be handed over in advance; None: the least that the device offers."""
        self._dry: deque[float] = deque()
        self._counts_from = 0.0
        self._due_since: float | None = None

    def opened(self, now: float) -> None:
        """The device was opened."""
        self._dry.clear()
        self._counts_from = now + GRACE
        self._due_since = None

    def ran_dry(self, times: int, now: float) -> None:
        """It did, so often since the last call."""
        if now < self._counts_from:
            return
        self._dry.extend([now] * min(times, TOO_MANY))
        while self._dry and self._dry[0] < now - WITHIN:
            self._dry.popleft()
        if len(self._dry) >= TOO_MANY and self._due_since is None:
            self._due_since = now

    def raised(self, now: float, *, busy: bool, latency: float) -> bool:
        """Is it to be opened again now, with more? Then ``seconds`` has been raised over ``latency``, which it has now.

        ``busy``: it is playing, and would be interrupted.
        """
        if self._due_since is None or (busy and now - self._due_since < NO_LONGER):
            return False
        self._due_since = None
        self._dry.clear()
        higher = next((step for step in STEPS if step > max(latency, self.seconds or 0.0)), None)
        if higher is None:
            return False
        self.seconds = higher
        return True
