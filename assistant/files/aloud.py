"""Sound on a loudspeaker: the sink of `parley say` without a file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import anyio
import numpy as np

from assistant.audio.portaudio import open_duplex
from assistant.audio.resample import Resampler
from assistant.ports import Duplex, Frame, Samples

AHEAD = 2.0
"""Seconds of sound that wait to be heard before more is taken."""
PATIENCE = 2.0
"""Seconds by which the end of the sound may be late, on a loudspeaker that is lost, before it is given up."""


class Loudspeaker:
    """A `Sink`."""

    def __init__(self, name: str) -> None:
        """``name``: "" is the default loudspeaker."""
        self._name = name
        self._opened = AsyncExitStack()
        self._duplex: Duplex
        self._resampler: Resampler
        self._written = 0
        """The playback position behind all sound."""

    async def open(self, rate: int) -> None:
        """Raises NoDevice."""
        await self._opened.__aenter__()
        duplex = await self._opened.enter_async_context(open_duplex(None, self._name))
        self._duplex = duplex
        self._resampler = Resampler(rate, duplex.playback_rate)
        group = await self._opened.enter_async_context(anyio.create_task_group())
        self._opened.callback(group.cancel_scope.cancel)
        duplex.start()
        group.start_soon(_turn_over, duplex.frames())

    async def write(self, samples: Samples) -> None:
        self._play(self._resampler.push(samples))
        await self._until_left(AHEAD)

    async def close(self, *, complete: bool) -> None:
        """Waits for the last sample to be heard if ``complete``; else there is silence at once."""
        try:
            if complete:
                self._play(self._resampler.push(np.empty(0, np.float32), last=True))
                left = (self._written - self._duplex.heard()) / self._duplex.playback_rate
                with anyio.move_on_after(left + PATIENCE):
                    await self._until_left(0.0)
            else:
                self._duplex.drop()
        finally:
            await self._opened.aclose()

    def _play(self, samples: Samples) -> None:
        if len(samples):
            self._written = self._duplex.play(samples, first=not self._written) + len(samples)

    async def _until_left(self, seconds: float) -> None:
        # The loudspeaker's clock sets no event.
        while (self._written - self._duplex.heard()) / self._duplex.playback_rate > seconds:  # noqa: ASYNC110
            await anyio.sleep(0.02)


async def _turn_over(frames: AsyncIterator[Frame]) -> None:
    """The queue is refilled as frames are taken, though nothing is heard in them."""
    async for _ in frames:
        pass
