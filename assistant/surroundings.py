"""The room that `parley talk --room` simulates, as its flags say."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Surroundings:
    """The room to simulate."""

    response: str
    """"synthetic", or the path of an impulse response."""
    gain_db: float = -12.0
    delay_ms: float = 60.0
    drift_ppm: float = 0.0
    noise_dbfs: float | None = None
    """Of the microphone."""
