"""A microphone and a loudspeaker of different kinds: a file and a device, in either place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

import anyio
import numpy as np
from anyio.abc import TaskGroup

from assistant.ports import Duplex, Frame, Samples

SLIP = 0.02
"""Seconds by which what is tapped may lie beside the microphone's clock before it is set right."""


class Startable(Duplex, Protocol):
    """A Duplex whose clock begins when it is told to."""

    def start(self) -> None:
        """Now is t = 0."""
        ...


class MixedDuplex:
    """The microphone of one duplex with the loudspeaker of another; see `mixed`. The clock is the microphone's."""

    def __init__(self, microphone: Startable, loudspeaker: Startable, group: TaskGroup) -> None:
        self._microphone = microphone
        self._loudspeaker = loudspeaker
        self._group = group
        self.playback_rate = loudspeaker.playback_rate
        self.now = microphone.now
        self.frames: Callable[[], AsyncIterator[Frame]] = microphone.frames
        self.play = loudspeaker.play
        self.pause = loudspeaker.pause
        self.resume = loudspeaker.resume
        self.duck = loudspeaker.duck
        self.drop = loudspeaker.drop
        self.heard = loudspeaker.heard

    @property
    def underruns(self) -> int:
        return self._loudspeaker.underruns

    @property
    def overflows(self) -> int:
        return self._microphone.overflows

    @property
    def input_over(self) -> bool:
        return self._microphone.input_over

    def start(self) -> None:
        """Now is t = 0 of both clocks, which may drift apart from here."""
        self._microphone.start()
        self._loudspeaker.start()
        self._group.start_soon(self._turn_over)

    def time_of(self, position: int) -> float | None:
        at = self._loudspeaker.time_of(position)
        return None if at is None else at + self._behind()

    def tap(self, sink: Callable[[Samples], None], *, early: bool = False) -> None:
        self._loudspeaker.tap(_Aligned(sink, self.playback_rate, self._behind).take, early=early)

    async def _turn_over(self) -> None:
        """A loudspeaker passes on what it plays as its own capture goes on, of which nothing is heard here."""
        async for _ in self._loudspeaker.frames():
            pass

    def _behind(self) -> float:
        """Seconds by which the loudspeaker's clock is behind."""
        return self._microphone.now() - self._loudspeaker.now()


class _Aligned:
    """Keeps a tap on another clock: a little silence more or less, where the two have drifted apart."""

    def __init__(self, sink: Callable[[Samples], None], rate: int, behind: Callable[[], float]) -> None:
        self._sink = sink
        self._rate = rate
        self._behind = behind
        self._owed = 0
        """Samples by which the stretches handed on are short of the other clock."""

    def take(self, stretch: Samples) -> None:
        short = round(self._behind() * self._rate) - self._owed
        if abs(short) > SLIP * self._rate and not stretch.any():  # in a silence nobody hears it
            change = max(short, -len(stretch))
            self._owed += change
            stretch = np.zeros(len(stretch) + change, np.float32)
        self._sink(stretch)


@asynccontextmanager
async def mixed(microphone: Startable, loudspeaker: Startable) -> AsyncIterator[MixedDuplex]:
    """Both must be open, and stay so until this is left. Call ``start`` when the session starts, within it."""
    async with anyio.create_task_group() as group:
        yield MixedDuplex(microphone, loudspeaker, group)
        group.cancel_scope.cancel()
