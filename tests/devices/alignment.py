"""Where the pieces of a known sound are in a recording: what came, in which order, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float32]
BETWEEN = 4
"""Positions that are looked at for each sample."""


def noise(seconds: float, *, rate: int, seed: int, level: float = 0.2) -> Sound:
    """Noise up to 5 kHz: no two stretches of it are alike, and every resampler lets it through."""
    count = round(seconds * rate)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    spectrum[np.fft.rfftfreq(count, 1 / rate) > 5000] = 0
    sound = np.fft.irfft(spectrum, count)
    shaped: Sound = (level * sound / np.sqrt(np.mean(sound**2))).astype(np.float32)
    return shaped


@dataclass(frozen=True)
class Piece:
    """A stretch of the reference, and where it fits best in the recording."""

    start: int
    """In the reference."""
    found: int
    """In the recording."""
    likeness: float
    """Correlation there: 1 is the very same sound."""

    @property
    def lag(self) -> int:
        return self.found - self.start


def pieces(reference: Sound, recording: Sound, length: int) -> list[Piece]:
    """Cut the reference into pieces of ``length`` and look for each of them in all of the recording."""
    return [
        look_for(reference, start, start + length, recording) for start in range(0, len(reference) - length + 1, length)
    ]


def look_for(reference: Sound, start: int, end: int, recording: Sound) -> Piece:
    piece = reference[start:end].astype(np.float64)
    if len(recording) < len(piece):
        return Piece(start, 0, 0.0)
    size = 1 << (len(recording) + len(piece)).bit_length()
    product = np.fft.rfft(recording.astype(np.float64), size) * np.conj(np.fft.rfft(piece, size))
    # Between the samples too: a server that has lost one at its own rate is a fraction of ours late from then on.
    fine = np.fft.irfft(product, BETWEEN * size) * BETWEEN
    count = len(recording) - len(piece) + 1
    alike = fine[: BETWEEN * count].reshape(count, BETWEEN).max(axis=1)
    power = np.concatenate(([0.0], np.cumsum(recording.astype(np.float64) ** 2)))
    energy = np.sum(piece**2)
    # Near silence is no likeness, though a sample beside the window may look like one.
    around = np.sqrt(np.maximum(power[len(piece) :] - power[: -len(piece)], 0.01 * energy) * energy)
    scores = alike / around
    best = int(np.argmax(scores))
    return Piece(start, best, float(scores[best]))


@dataclass(frozen=True)
class Arrival:
    """How a sound came through."""

    whole: list[Piece]
    """Pieces that came as they were."""
    missing: list[Piece]
    """Pieces that came broken, or not at all: a busy machine may lose some."""
    in_order: bool
    """Every whole piece lies behind the one before it, without overlap."""

    @property
    def share(self) -> float:
        """Of pieces that came whole."""
        return len(self.whole) / max(1, len(self.whole) + len(self.missing))

    def well(self, lost: int = 0) -> bool:
        """In order and nearly whole; less so where ``lost`` says that something was missing, but never by most."""
        return self.in_order and self.share >= (0.3 if lost else 0.8)

    def __str__(self) -> str:
        lags = [piece.lag for piece in self.whole]
        return f"{self.share:.0%} whole, lags {min(lags, default=0)}..{max(lags, default=0)}, in order: {self.in_order}"


def arrival(reference: Sound, recording: Sound, *, rate: int, alike: float = 0.95) -> Arrival:
    """Look for each twentieth of a second."""
    length = rate // 20
    found = pieces(reference, recording, length)
    whole = [piece for piece in found if piece.likeness >= alike]
    slack = rate // 1000  # of the resampling servers
    in_order = all(later.lag >= earlier.lag - slack for earlier, later in zip(whole, whole[1:], strict=False))
    return Arrival(whole, [piece for piece in found if piece.likeness < alike], in_order)
