"""What the soaks of overlaps are held with: an assistant that reads recordings, a recogniser that hears no words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import soxr

from assistant.ports import CAPTURE_RATE, Samples, SpeechChunk, SynthesizerAbilities
from providers import scripted
from scripts._soak.echo import PLAYED


class Reader:
    """A voice that reads recordings: the text names one."""

    name, rate = "reader", PLAYED
    abilities = SynthesizerAbilities()

    def __init__(self, clips: Sequence[Samples]) -> None:
        self._clips = [soxr.resample(clip, CAPTURE_RATE, PLAYED, quality="HQ").astype(np.float32) for clip in clips]

    async def speak(self, text: str) -> AsyncIterator[SpeechChunk]:
        digits = "".join(c for c in text if c.isdigit())
        yield SpeechChunk(self._clips[int(digits or 0) % len(self._clips)])


class Wordless:
    """A recogniser that tells no words while anybody listens for them, and none in the end."""

    @staticmethod
    @asynccontextmanager
    async def open() -> AsyncIterator[Any]:
        async with scripted.transcriber({"batch": True, "final_after": 1.7}) as transcriber:
            yield transcriber


@asynccontextmanager
async def at_hand(voice: Reader) -> AsyncIterator[Reader]:
    yield voice
