"""Between a reply's voice and the loudspeaker: shut for a draft, open once committed, closed for good if cancelled."""

from __future__ import annotations

from assistant.audio.volume import Volume
from assistant.ports import Duplex, Samples


class Gate:
    """Sound written while the gate is shut is kept, and goes to the loudspeaker the moment it opens.

    After `close` nothing more of this reply can reach the loudspeaker, whoever still holds a chunk of it.
    """

    def __init__(self, duplex: Duplex, *, is_open: bool, volume: Volume | None = None) -> None:
        """``volume``: as loud as it says at the moment a stretch is handed to the loudspeaker; None: as it comes."""
        self._duplex = duplex
        self._volume = volume
        self._open = is_open
        self._closed = False
        self._rested = False
        self._kept: list[tuple[Samples, bool]] = []
        """And whether a rest was before."""
        self.base: int | None = None
        """Playback position of the reply's first sample, once it was handed over."""
        self.written = 0
        """Samples of the reply so far, at the playback rate."""

    @property
    def is_open(self) -> bool:
        return self._open

    def write(self, samples: Samples) -> None:
        if self._closed or not len(samples):
            return
        self.written += len(samples)
        rested, self._rested = self._rested, False
        if self._open:
            self._hand_over(samples, rested)
        else:
            self._kept.append((samples, rested))

    def rest(self) -> None:
        """Nothing comes for a while, and that is as it should be: no loudspeaker runs dry."""
        self._rested = True

    def open(self) -> None:
        self._open = True
        for samples, rested in self._kept:
            self._hand_over(samples, rested)
        self._kept.clear()

    def close(self) -> float:
        """Drop what has not been heard. Returns how many seconds of the reply were heard."""
        self._closed = True
        self._kept.clear()
        if self.base is None:
            return 0.0
        return (self._duplex.drop() - self.base) / self._duplex.playback_rate

    def heard(self) -> float:
        """Seconds of the reply that have left the loudspeaker."""
        if self.base is None:
            return 0.0
        return max(0, min(self._duplex.heard() - self.base, self.written)) / self._duplex.playback_rate

    def time_at(self, seconds: float) -> float | None:
        """Audio-clock second at which ``seconds`` of the reply left the loudspeaker, where known."""
        if self.base is None:
            return None
        return self._duplex.time_of(self.base + min(round(seconds * self._duplex.playback_rate), self.written - 1))

    def started_at(self) -> float | None:
        """Audio-clock second at which the first sample left the loudspeaker, where known."""
        return None if self.base is None else self._duplex.time_of(self.base)

    def _hand_over(self, samples: Samples, rested: bool) -> None:
        if self._volume is not None:
            samples = self._volume.applied(samples, first=self.base is None)
        position = self._duplex.play(samples, first=self.base is None or rested)
        if self.base is None:
            self.base = position
