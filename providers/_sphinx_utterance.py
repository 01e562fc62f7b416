"""One utterance in the worker: what to decode, and when, so that the final is ready when it is asked for.

Sound is decoded whole, again and again: now and then for a partial, and at the first quiet frame after speech. When the
pause turns out to be the end, that decode has heard everything and its result is the final; if not, it is a partial.
Nothing is decoded twice that only silence was added to.
"""

from __future__ import annotations

from bisect import insort
from typing import Literal

RATE = 16_000
FIRST = 0.4
"""Seconds of voice before the first decode that nobody asked for."""
INTERVAL = 0.7
"""Seconds of sound between the decodes of one stretch of voice."""
BREATH = 0.03
"""Seconds of new voice that make a quiet frame worth a decode: a frame. When it is the end, the final is ready."""
LONGEST = 12.0
"""Seconds between the first and the last voice. No request takes as long; what does is not decoded."""
STEADY = 2.0
"""Loud frames of a steady noise are at most so many times as loud as its quiet ones."""
MARGIN = 0.3
"""Seconds of sound before the first voice that are decoded too."""

Due = Literal["final", "partial"]


class Utterance:
    """Push frames, then ask what is `due`, and take its `sound`."""

    def __init__(self) -> None:
        self.samples = 0
        self.owed = 0
        """Finals that were asked for and not given."""
        self._pcm = bytearray()
        self._levels: list[float] = []  # sorted
        self._first_voice: int | None = None
        self._last_voice = 0
        self.quiet = True
        """The newest frame is."""
        self._voice_since = 0.0
        self._decoded_to = 0

    def push(self, pcm: bytes, level: float) -> None:
        """``pcm``: 16-bit samples; ``level``: their root mean square, 0 to 1."""
        before, count = self.samples, len(pcm) // 2
        self._pcm += pcm
        self.samples += count
        insort(self._levels, level)
        self.quiet = self._is_quiet(level)
        if not self.quiet:
            if self._first_voice is None:
                self._first_voice = before
            self._last_voice = self.samples
            self._voice_since += count / RATE

    def _is_quiet(self, level: float) -> bool:
        """Near the utterance's own noise floor and far below its loudest frames. When in doubt it is voice."""
        count = len(self._levels)
        floor, peak = self._levels[count // 10], self._levels[-1 - count // 20]
        return level <= max(min(1.4 * floor, 0.1 * peak), 0.01 * peak)

    @property
    def too_long(self) -> bool:
        return self._first_voice is not None and self._last_voice - self._first_voice > LONGEST * RATE

    @property
    def steady(self) -> bool:
        """Of one level throughout, as no speech is: silence, or a noise such as a fan's."""
        count = len(self._levels)
        return count == 0 or self._levels[-1 - count // 20] <= STEADY * self._levels[count // 10]

    @property
    def answered(self) -> bool:
        """All the voice there is has been decoded."""
        return self._last_voice <= self._decoded_to

    @property
    def due(self) -> Due | None:
        if self.owed:
            return "final"
        if self.answered or self.steady or self.too_long:
            return None
        if self.quiet:
            return "partial" if self._voice_since >= BREATH else None
        since = (self.samples - self._decoded_to) / RATE if self._decoded_to else self._voice_since
        return "partial" if since >= (INTERVAL if self._decoded_to else FIRST) else None

    def sound(self) -> tuple[bytes, int]:
        """What is to be decoded, and where in the utterance it begins (in samples). Marks it as decoded."""
        start = max(0, (self._first_voice or 0) - round(MARGIN * RATE))
        self._decoded_to = self.samples
        self._voice_since = 0.0
        return bytes(self._pcm[2 * start :]), start
