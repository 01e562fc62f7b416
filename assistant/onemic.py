"""One microphone, from which a voice is learned: is it still there, still the same, and does it give anything?

A conversation goes on with another microphone. A voice is not learned from two.
"""

from __future__ import annotations

from assistant.enrolment import Unfit
from assistant.ports import Frame

GONE = 3.0
"""Seconds without it after which nobody waits any longer: what was only opened anew is back by then."""
DEAD = 3.0
"""Seconds of nothing, not even noise, from which nobody will be heard."""
HARDLY = 8.0
"""Seconds after which it is worth a word that too little speech comes."""


class OneMicrophone:
    def __init__(self) -> None:
        self._name: str | None = None
        """Of the one that was lost."""
        self._other: str | None = None
        self._end = 0.0
        self._gone_at: float | None = None
        self._alive = False
        self._told = False

    def changed(self, before: str | None, after: str | None) -> None:
        """See `assistant.sound.DeviceChanged`."""
        if before and after and after.startswith(f"{before} ("):  # only told what is behind "default"
            return
        self._name = before or self._name
        self._gone_at = self._end if after is None else None
        if after is not None and after != self._name:
            self._other = after

    def heard(self, frame: Frame) -> None:
        """Take the next frame. Raises Unfit where to go on listening would not help."""
        self._end = frame.end
        self._alive = self._alive or bool(frame.samples.any())
        if self._other is not None:
            raise Unfit(f"the microphone changed from {self._name} to {self._other} meanwhile; begin again")
        if self._gone_at is not None:
            if frame.end - self._gone_at >= GONE:
                raise Unfit(f"the microphone went away ({self._name}); connect it and try again")
        elif not self._alive and frame.end >= DEAD:
            raise Unfit(
                "the microphone gives nothing, not even noise: it is muted, or the system withholds it (see its "
                "privacy settings), or another program has it"
            )

    def hardly_heard(self, end: float, seconds: float, least: float) -> bool:
        """It is time to say that by second ``end`` less speech than ``least`` was heard; once."""
        if self._told or end < HARDLY:
            return False
        self._told = True
        return seconds < least
