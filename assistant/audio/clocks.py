"""The clocks of sound devices against the machine's: pure, every time is an argument, in seconds."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

WINDOW = 2.0
"""Seconds: the earliest arrival of the last one or two of these counts. A sound card drifts under 0.5 ms in them."""
JUMP = 0.02
"""Seconds by which a device's word may differ from what was foreseen before it is believed at once."""
TRUST = 0.1
"""Part of a smaller difference that is believed at each report: reports jitter by milliseconds."""


SPANS = 64
"""Jumps of a device that are remembered, so that what sounded before them keeps its time."""


class AudioClock:
    """The conversation's clock: captured samples, with the machine's clock between their arrivals.

    Sound arrives in blocks, late by a little or by a lot but never early, so the earliest recent arrival tells how the
    two clocks lie to each other. ``now`` never decreases and is never behind sound that has arrived.
    """

    def __init__(self) -> None:
        self._offset = 0.0
        """Wall-clock time of second 0, were every block as early as the earliest."""
        self._earliest = math.inf
        self._earliest_before = math.inf
        self._window_end = -math.inf
        self._latest = 0.0
        self._started = False

    def start(self, wall: float) -> None:
        """Now is t = 0."""
        self._offset = wall
        self._earliest = self._earliest_before = math.inf
        self._window_end = -math.inf
        self._latest = 0.0
        self._started = True

    def arrived(self, until: float, wall: float) -> None:
        """Captured sound up to second ``until`` arrived at ``wall``."""
        if wall >= self._window_end:
            self._earliest_before = self._earliest
            self._earliest = math.inf
            self._window_end = wall + WINDOW
        self._earliest = min(self._earliest, wall - until)
        self._offset = min(self._earliest, self._earliest_before)

    def restarted(self) -> None:
        """Another device: earlier arrivals tell nothing."""
        self._earliest = self._earliest_before = math.inf
        self._window_end = -math.inf

    def now(self, wall: float) -> float:
        """Audio-clock second at ``wall``; 0 before the start."""
        if self._started:
            self._latest = max(self._latest, wall - self._offset)
        return self._latest

    def wall(self, second: float) -> float:
        """When the clock shows that second."""
        return self._offset + second


class PlaceClock:
    """When a device's tick sounds: its own reports, smoothed.

    A device that ran dry, or another device in its place, moves what comes after it, never what came before.
    """

    def __init__(self, rate: int) -> None:
        """``rate`` in Hz."""
        self._rate = rate
        self._spans: deque[_Span] = deque(maxlen=SPANS)
        """Places rise from one to the next, which holds from its first place on."""
        self._reported = 0

    @property
    def known(self) -> bool:
        return bool(self._spans)

    @property
    def zero(self) -> float:
        """Wall-clock time of place 0, had it always gone on as it does now. Only once a report has come."""
        return self._spans[-1].zero

    def reported(self, place: int, wall: float) -> None:
        """The device says that ``place`` sounds at ``wall``. Places never decrease."""
        zero = wall - place / self._rate
        if not self._spans or abs(zero - self._spans[-1].zero) > JUMP:
            self._spans.append(_Span(self._reported if self._spans else 0, zero))
        else:
            self._spans[-1].zero += TRUST * (zero - self._spans[-1].zero)
        self._reported = place

    def wall(self, place: int) -> float:
        """When ``place`` sounds or sounded. Only once a report has come."""
        span = next((span for span in reversed(self._spans) if span.first <= place), self._spans[0])
        return span.zero + place / self._rate

    def place(self, wall: float) -> int:
        """The place that sounds next at ``wall``; 0 before any report."""
        limit: int | None = None
        for span in reversed(self._spans):
            place = math.ceil((wall - span.zero) * self._rate - 1e-6)
            if limit is not None:
                place = min(place, limit)
            if place >= span.first:
                return place
            limit = span.first
        return limit or 0


@dataclass
class _Span:
    first: int
    """Place from which on it holds."""
    zero: float
