"""What can be read off a loudspeaker's waveform: when sound began and when it stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from assistant.audio.wavfile import open_wav
from assistant.ports import Samples

AUDIBLE = 10 ** (-50 / 20)
"""Peak above which a stretch counts as sound."""
STRETCH = 0.001
"""Seconds: the resolution of every figure."""
HOLE = 0.02
"""Seconds of silence that do not yet end a sound."""


class Sounds:
    """Stretches of sound in a waveform, added piece by piece. Constant memory but for the stretches found."""

    def __init__(self, rate: int) -> None:
        self._step = round(rate * STRETCH)
        self._seconds = self._step / rate
        self._rest = np.zeros(0, np.float32)
        self._count = 0
        self.found: list[tuple[float, float]] = []
        """Beginning and end of each, in seconds."""

    def add(self, samples: Samples) -> None:
        samples = np.concatenate((self._rest, samples))
        whole = len(samples) // self._step
        self._rest = samples[whole * self._step :]
        peaks = np.abs(samples[: whole * self._step].reshape(whole, self._step)).max(axis=1)
        for index in np.flatnonzero(peaks > AUDIBLE):
            start = (self._count + int(index)) * self._seconds
            if self.found and start - self.found[-1][1] < HOLE:
                self.found[-1] = (self.found[-1][0], start + self._seconds)
            else:
                self.found.append((start, start + self._seconds))
        self._count += whole

    def first_after(self, at: float) -> float | None:
        """When the first sound after ``at`` began."""
        return next((start for start, _ in self.found if start >= at), None)

    def stopped_after(self, at: float) -> float | None:
        """When the sound that was heard at ``at`` stopped."""
        return next((end for start, end in self.found if start <= at < end), None)


def sounds_in(path: Path) -> Sounds:
    """All stretches of sound in a WAV file."""
    with open_wav(path) as reader:
        sounds = Sounds(reader.rate)
        while len(block := reader.read(reader.rate)):
            sounds.add(block)
    return sounds
