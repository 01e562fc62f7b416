"""The clocks of sound devices against the machine's: pure, every time is an argument, in seconds."""

from __future__ import annotations

import math

WINDOW = 2.0
"""Seconds: the earliest arrival of the last one or two of these counts. A sound card drifts under 0.5 ms in them."""
JUMP = 0.02
"""Seconds by which a device's word may differ from what was foreseen before it is believed at once."""
TRUST = 0.1
"""Part of a smaller difference that is believed at each report: reports jitter by milliseconds."""


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
    """When a device's tick sounds: its own reports, smoothed."""

    def __init__(self, rate: int) -> None:
        """``rate`` in Hz."""
        self._rate = rate
        self._zero: float | None = None
        """Wall-clock time of place 0."""

    @property
    def known(self) -> bool:
        return self._zero is not None

    def reported(self, place: int, wall: float) -> None:
        """The device says that ``place`` sounds at ``wall``."""
        zero = wall - place / self._rate
        if self._zero is None or abs(zero - self._zero) > JUMP:
            self._zero = zero
        else:
            self._zero += TRUST * (zero - self._zero)

    def wall(self, place: int) -> float:
        """When ``place`` sounds. Only once a report has come."""
        assert self._zero is not None
        return self._zero + place / self._rate

    def place(self, wall: float) -> int:
        """The place that sounds next at ``wall``; 0 before any report."""
        return 0 if self._zero is None else math.ceil((wall - self._zero) * self._rate - 1e-6)
