"""What leaves a loudspeaker and when: a pure timeline, with time as an argument.

Two counts run through it. A *position* counts the samples that were accepted and not dropped. A *place* counts the
loudspeaker's own ticks since t = 0: place p sounds at p / rate seconds. Between the two lie gaps: silence before and
after sound, pauses, underruns.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass

import numpy as np

from assistant.ports import Samples

FADE = 0.005
"""Seconds of the fade-out after a drop and of the fade-in after a pause: long enough that nothing clicks."""


@dataclass(slots=True)
class _Piece:
    place: int
    samples: Samples

    @property
    def end(self) -> int:
        return self.place + len(self.samples)


@dataclass(slots=True)
class _Fade:
    """Gain over places [start, end): rising from 0 or falling to it over ``length`` places."""

    start: int
    end: int
    length: int
    rising: bool

    def gains(self, start: int, end: int) -> Samples:
        ramp = np.arange(start - self.start + 1, end - self.start + 1, dtype=np.float32) / np.float32(self.length + 1)
        return ramp if self.rising else np.float32(1.0) - ramp


class Playout:
    """One loudspeaker's timeline. ``now`` is seconds since t = 0 and never decreases from call to call.

    Sound written at ``now`` lands right behind what is queued, or at ``now`` if that has run out. A sample counts as
    handed over, and as heard, from the moment it starts to sound.
    """

    def __init__(self, rate: int) -> None:
        """``rate`` in Hz."""
        self.rate = rate
        self.underruns = 0
        """Times that sound inside a reply came too late to follow on."""
        self._fade = round(FADE * rate)
        self._positions: list[int] = []
        """First position of each unbroken run of sound that has its place ..."""
        self._places: list[int] = []
        """... and the place of that position. Both rise."""
        self._placed = 0
        """Positions below this have a place."""
        self._next = 0
        """The place behind all of them."""
        self._pieces: deque[_Piece] = deque()
        """Sound that has its place and was not taken yet."""
        self._held: list[Samples] | None = None
        """While paused: sound without a place."""
        self._fades: deque[_Fade] = deque()
        self._ending = 0
        """The end of the last fade-out: what comes before it is neither held nor dropped again."""
        self._taken = 0
        self._gain = self._gain_wanted = 1.0
        """Of a ducked voice: at the newest place that was taken, and what it goes to."""
        self._gains: deque[tuple[int, float]] = deque()
        """Places from which another one is wanted."""
        self._first = True
        """The next sound begins a reply."""

    def write(self, samples: Samples, now: float, *, first: bool) -> int:
        """Queue sound (float32 at ``rate``; it is copied) and return its first position.

        ``first`` marks the beginning of a reply: silence before it is no underrun.
        """
        held = sum(map(len, self._held)) if self._held is not None else 0
        position = self._placed + held
        self._first = self._first or first
        if not len(samples):
            return position
        samples = np.array(samples, np.float32)
        if self._held is not None:
            self._held.append(samples)
        else:
            here = self._here(now)
            if here > self._next and not self._first:
                self.underruns += 1
            self._place(samples, max(here, self._next))
        self._first = False
        return position

    def pause(self, now: float) -> None:
        """Hold from the first sample not yet handed over. What is written meanwhile waits behind it."""
        if self._held is None:
            self._held = self._cut(max(self._here(now), self._ending))

    def resume(self, now: float) -> None:
        """Go on at that very sample, faded in."""
        if self._held is None:
            return
        held, self._held = self._held, None
        here = max(self._here(now), self._next)
        self._next = here
        if held:
            self._fades.append(_Fade(here, here + self._fade, self._fade, rising=True))
        for samples in held:
            self._place(samples, self._next)

    def duck(self, gain: float, now: float) -> None:
        """At ``gain`` times the amplitude from here on, faded to; `drop` ends it."""
        self._gains.append((self._here(now), gain))

    def drop(self, now: float) -> int:
        """Forget what is not handed over, save a fade-out of FADE if it is sounding; this ends a pause too.

        Returns the position reached: that of the fade's end, and of the next sound written.
        """
        here = self._here(now)
        if self._held is None and here < self._ending:
            self._cut(self._ending)
        elif self._held is None:
            self._ending = max(here, min(here + self._fade, self._next))
            self._cut(self._ending)
            if here < self._ending:
                self._fades.append(_Fade(here, self._ending, self._ending - here, rising=False))
        self._held = None
        self._first = True
        if self._gains or self._gain_wanted != 1.0:
            self._gains.append((max(here, self._ending), 1.0))
        return self._placed

    def heard(self, now: float) -> int:
        """The position that has left the loudspeaker."""
        here = self._here(now)
        for run in range(len(self._places) - 1, -1, -1):
            if self._places[run] <= here:
                end = self._positions[run + 1] if run + 1 < len(self._positions) else self._placed
                return min(self._positions[run] + here - self._places[run], end)
        return 0

    def time_of(self, position: int) -> float | None:
        """Second at which the sample at ``position`` starts or started to sound.

        None while it is held by a pause, and for a position that nothing was written to.
        """
        if not 0 <= position < self._placed:
            return None
        run = bisect_right(self._positions, position) - 1
        return (self._places[run] + position - self._positions[run]) / self.rate

    def take(self, now: float) -> Samples:
        """What left the loudspeaker since the last ``take`` (at first since t = 0), silence included."""
        here = self._here(now)
        out = np.zeros(here - self._taken, np.float32)
        while self._pieces and self._pieces[0].place < here:
            piece = self._pieces.popleft()
            sounded = piece.samples[: here - piece.place]
            start = piece.place - self._taken
            out[start : start + len(sounded)] = sounded
            if piece.end > here:
                self._pieces.appendleft(_Piece(here, piece.samples[len(sounded) :]))
                break
        for fade in self._fades:
            start, end = max(fade.start, self._taken), min(fade.end, here)
            if start < end:
                out[start - self._taken : end - self._taken] *= fade.gains(start, end)
        while self._fades and self._fades[0].end <= here:
            self._fades.popleft()
        if self._gains or self._gain != 1.0:
            self._duck(out, here)
        self._taken = here
        return out

    def _duck(self, out: Samples, here: int) -> None:
        at = self._taken
        while at < here:
            if self._gains and self._gains[0][0] <= at:
                _, self._gain_wanted = self._gains.popleft()
                continue
            end = min(here, self._gains[0][0]) if self._gains else here
            change = self._gain_wanted - self._gain
            ramp = min(end - at, math.ceil(abs(change) * 2 * self._fade))
            if ramp:
                reached = self._gain + math.copysign(min(abs(change), ramp / (2 * self._fade)), change)
                out[at - self._taken :][:ramp] *= np.linspace(self._gain, reached, ramp, dtype=np.float32)
                self._gain = reached
            out[at - self._taken + ramp : end - self._taken] *= np.float32(self._gain)
            at = end

    def _here(self, now: float) -> int:
        """The first place not handed over yet. A millionth of a place is rounding, not time."""
        return max(self._taken, math.ceil(now * self.rate - 1e-6))

    def _place(self, samples: Samples, place: int) -> None:
        if not self._places or place != self._places[-1] + self._placed - self._positions[-1]:
            self._positions.append(self._placed)
            self._places.append(place)
        self._pieces.append(_Piece(place, samples))
        self._placed += len(samples)
        self._next = place + len(samples)

    def _cut(self, place: int) -> list[Samples]:
        """Take back all sound from ``place`` on, in order. It is unbroken: gaps lie only in the past."""
        cut: list[Samples] = []
        while self._pieces and self._pieces[-1].end > place:
            piece = self._pieces.pop()
            kept = max(0, place - piece.place)
            cut.append(piece.samples[kept:])
            if kept:
                self._pieces.append(_Piece(piece.place, piece.samples[:kept]))
        cut.reverse()
        removed = sum(map(len, cut))
        self._placed -= removed
        self._next -= removed
        while self._positions and self._positions[-1] >= self._placed:
            self._positions.pop()
            self._places.pop()
        for fade in self._fades:
            fade.end = min(fade.end, place)
        return cut


class PlayoutSide(ABC):
    """The loudspeaker's half of a Duplex (see `assistant.ports`) whose sound goes by a Playout and a clock."""

    _playout: Playout

    @abstractmethod
    def now(self) -> float:
        """Audio-clock seconds."""

    @property
    def underruns(self) -> int:
        return self._playout.underruns

    def play(self, samples: Samples, *, first: bool) -> int:
        return self._playout.write(samples, self.now(), first=first)

    def pause(self) -> None:
        self._playout.pause(self.now())

    def resume(self) -> None:
        self._playout.resume(self.now())

    def duck(self, gain: float) -> None:
        self._playout.duck(gain, self.now())

    def drop(self) -> int:
        """As the Duplex says; a pause ends with it. The fade-out counts as handed over."""
        return self._playout.drop(self.now())

    def heard(self) -> int:
        return self._playout.heard(self.now())

    def time_of(self, position: int) -> float | None:
        """None too for a sample that a pause holds back."""
        return self._playout.time_of(position)
