"""The loudspeaker's half of a duplex: from queued sound to its callback, what was heard of it, and the taps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from assistant.audio.clocks import PlaceClock
from assistant.audio.handover import Handover
from assistant.audio.polyphase import Polyphase
from assistant.audio.stream import Callback, Stream
from assistant.ports import Samples

PLAYBACK_RATE = 24_000
"""Hz of what `play` takes, whatever the device does."""
BLOCK = 0.01
"""Seconds of sound that the device asks for at a time."""
TAP_SLIP = 0.01
"""Seconds by which a tap may be off before it is set right: a small correction every frame would be heard as clicks."""
SPARE = 0.01
"""Seconds of what the device was handed that an early tap leaves: the next look at it may come that much later."""
HOARD = 0.06
"""Seconds beyond them that it may have left, since the device was handed more in advance, before it is told earlier."""
AHEAD = 0.15
"""Seconds before it sounds in which it is told at the earliest. A busy device is handed up to half a second in advance,
and WebRTC's canceller looks no further back than half a second for an echo."""
BELIEVABLE = 1.0
"""Seconds; a device that claims to play what it is handed later than that is not believed."""

_wall = time.monotonic  # noqa: TID251 - the callbacks' thread has no event loop whose clock it could read


class Playback:
    """What is to be played and what was. All but the callbacks belong to the loop; times are its clock's."""

    def __init__(self) -> None:
        self.handover = Handover(PLAYBACK_RATE)
        self._places = PlaceClock(PLAYBACK_RATE)
        self._reported = 0
        self._heard = 0
        self._taps: list[_Tap | _EarlyTap] = []
        self._tapped = 0
        """Samples that the taps got, from t = 0 on."""
        self._far = _Far()

    def callback(self, stream: Stream) -> Callback:
        """What ``stream`` is to call."""
        most = block(stream.rate)
        converter = None if stream.rate == PLAYBACK_RATE else Polyphase(PLAYBACK_RATE, stream.rate, most)
        mono = np.zeros(most, np.float32)
        handover = self.handover
        dry_at = float("inf")

        def speak(data: Any, count: int, times: Any, status: Any) -> None:
            nonlocal dry_at
            now = _wall()
            ahead = times.outputBufferDacTime - times.currentTime
            sounds_at = now + (ahead if 0.0 < ahead < BELIEVABLE else stream.latency)
            # Not every device says that it ran dry: whoever asks after all it had must have sounded has.
            if (status.output_underflow or now > dry_at) and handover.busy:
                stream.lost += 1
            dry_at = sounds_at + count / stream.rate
            if converter is None:
                handover.take(mono[:count], sounds_at)
            else:
                needed = converter.needed(count)
                handover.take(converter.inlet(needed), sounds_at)
                converter.convert(needed, mono[:count])
            data[:] = mono[:count, None]

        return speak

    def discard(self, now: float) -> None:
        """Where there is to be no loudspeaker, in the place of a callback: all is played to nobody, in real time."""
        place, _ = self.handover.handed
        zero = self._places.zero if self._places.known else now - place / PLAYBACK_RATE
        due = round((now - zero) * PLAYBACK_RATE) - place
        while due > 0:
            part = np.empty(min(due, block(PLAYBACK_RATE)), np.float32)
            self.handover.take(part, zero + place / PLAYBACK_RATE)
            place += len(part)
            due -= len(part)
        self._places.reported(place, zero + place / PLAYBACK_RATE)

    def heard(self, at: float) -> int:
        """The position that had left the loudspeaker at ``at``. Never less than before."""
        self._note_places()
        self._heard = max(self._heard, self.handover.heard(self._places.place(at)))
        return self._heard

    def sounds_at(self, position: int) -> float | None:
        """When the sample at ``position`` sounds or sounded, if known."""
        self._note_places()
        place = self.handover.place_of(position)
        return self._places.wall(place) if place is not None and self._places.known else None

    def tap(self, sink: Callable[[Samples], None], *, early: bool) -> None:
        self._taps.append(_EarlyTap(sink) if early else _Tap(sink))

    def pass_on(self, until: float, start: float) -> None:
        """Hand the taps what sounded up to audio-clock second ``until``; ``start`` is that clock's 0 there."""
        self._note_places()
        sound = self.handover.out.read()
        if not self._taps:
            return
        self._far.add(sound)
        end = round(until * PLAYBACK_RATE)
        zero = round((start - self._places.zero) * PLAYBACK_RATE) if self._places.known else None
        for tap in self._taps:
            stretch = np.zeros(max(0, end - self._tapped), np.float32)
            place = tap.place_at_zero(zero, self._far.end - end)
            if place is not None:
                self._far.copy(self._tapped + place, stretch)
            tap.sink(stretch)
        self._tapped = max(end, self._tapped)

    def _note_places(self) -> None:
        place, wall = self.handover.handed
        if place != self._reported:
            self._reported = place
            self._places.reported(place, wall)


class _Tap:
    """Is handed what sounds when it sounds, as the device's word and the clocks have it."""

    def __init__(self, sink: Callable[[Samples], None]) -> None:
        self.sink = sink
        self._place: int | None = None

    def place_at_zero(self, sounds: int | None, newest: int) -> int | None:
        """The place that it takes for the one of t = 0: ``sounds``, if known, is the one that sounds then."""
        if sounds is not None and (self._place is None or abs(sounds - self._place) > TAP_SLIP * PLAYBACK_RATE):
            self._place = sounds
        return self._place


class _EarlyTap:
    """Is handed what the device was handed, as soon as possible.

    It counts samples and asks no clock, whose word may change by hundredths of a second while the way of the sound
    stays as it was: an echo canceller would have to learn anew.
    """

    def __init__(self, sink: Callable[[Samples], None]) -> None:
        self.sink = sink
        self._place: int | None = None
        self._kept_back = 0
        """Samples between it and what was the newest when it was set."""

    def place_at_zero(self, sounds: int | None, newest: int) -> int:
        """The same as for `_Tap`; ``newest`` would be it if all that is there was handed on."""
        left = 0 if self._place is None else newest - self._place
        if self._place is None or not 0 <= left <= self._kept_back + HOARD * PLAYBACK_RATE:
            soon = newest - round(SPARE * PLAYBACK_RATE)
            self._place = soon if sounds is None else min(soon, sounds + round(AHEAD * PLAYBACK_RATE))
            self._kept_back = newest - self._place
        return self._place


class _Far:
    """The recent past of what the device was handed, by place."""

    def __init__(self) -> None:
        self._sound = np.empty(0, np.float32)
        self.end = 0
        """The place after the newest."""

    def add(self, sound: Samples) -> None:
        self._sound = np.concatenate((self._sound, sound))[-2 * PLAYBACK_RATE :]
        self.end += len(sound)

    def copy(self, place: int, into: Samples) -> None:
        """Put what sounded from ``place`` on into ``into``; what is not known stays."""
        first = self.end - len(self._sound)
        start, end = max(place, first), min(place + len(into), self.end)
        if start < end:
            into[start - place : end - place] = self._sound[start - first : end - first]


def block(rate: int) -> int:
    """Samples in a callback."""
    return round(BLOCK * rate)
