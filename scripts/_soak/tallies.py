"""How overlaps are counted; what the words mean stands in `scripts._soak.overlap`."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

EVERY = 7.0
"""Seconds from one sound to the next."""
HELD = 0.3
RESUMED = 0.5


@dataclass
class Tally:
    """What became of the sounds of one sort."""

    sounds: int = 0
    """That came while the assistant was audible."""
    held: int = 0
    good: int = 0
    """Caught, resumed in time, or stopped without an answer."""
    waits: list[float] = field(default_factory=list)
    """ms: to the hold for a barge-in, from the sound's end to the resumption else."""
    cancelled: int = 0
    decided: dict[str, int] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        self.sounds, self.held, self.good = self.sounds + other.sounds, self.held + other.held, self.good + other.good
        self.cancelled += other.cancelled
        self.waits += other.waits
        for kind, count in other.decided.items():
            self.decided[kind] = self.decided.get(kind, 0) + count

    def line(self) -> str:
        share = 100 * self.good / max(1, self.sounds)
        times = (
            f"median {np.median(self.waits):.0f} ms, p90 {np.percentile(self.waits, 90):.0f} ms" if self.waits else ""
        )
        decided = " ".join(f"{kind} {count}" for kind, count in sorted(self.decided.items()))
        became = f"held {self.held}, cancelled {self.cancelled}"
        return f"{self.good}/{self.sounds} ({share:.1f} %), {became}; {times}; {decided}"


@dataclass
class Own:
    """What the assistant did to itself."""

    seconds: float = 0.0
    pauses: int = 0
    interruptions: int = 0
