"""Third-party providers with mistakes in them: each raises something that is no ProviderError, where its option says.

Used by name, as anybody's are: ``provider = "tests.faults.broken:chat_model"``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import numpy as np

from assistant.ports import (
    Delta,
    Frame,
    Message,
    SpeechChunk,
    SynthesizerAbilities,
    TextDelta,
    TranscriberAbilities,
    Transcript,
)

KEY = "sk-live-DISTINCTIVE-0123456789-KEY"


class Mistake:
    """Raises at ``where`` in the first call, and at no other time."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.calls = 0

    def begin(self) -> None:
        self.calls += 1

    def here(self, where: str) -> None:
        if where == self.where and self.calls <= 1:
            raise ValueError(f"not enough values to unpack, with {KEY}")


def _opened(options: Mapping[str, Any]) -> Mistake:
    mistake = Mistake(options["breaks"])
    mistake.here("opening")
    return mistake


# --- hearing ----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def transcriber(options: Mapping[str, Any]) -> AsyncIterator[Ears]:
    yield Ears(_opened(options))


class Ears:
    name = "broken"
    abilities = TranscriberAbilities()

    def __init__(self, mistake: Mistake) -> None:
        self.mistake = mistake

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[EarsStream]:
        self.mistake.begin()
        self.mistake.here("call")
        yield EarsStream(self.mistake)
        self.mistake.here("leaving")


class EarsStream:
    def __init__(self, mistake: Mistake) -> None:
        self.mistake = mistake
        self.asked = anyio.Event()

    def push(self, frame: Frame) -> None:
        self.mistake.here("push")

    def finish(self) -> None:
        self.mistake.here("finish")
        self.asked.set()

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        self.mistake.here("iterating")
        while True:
            await self.asked.wait()
            self.asked = anyio.Event()
            self.mistake.here("midway")
            yield Transcript("hello there", True)


# --- thinking ---------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def chat_model(options: Mapping[str, Any]) -> AsyncIterator[Model]:
    yield Model(_opened(options))


class Model:
    name = "broken"

    def __init__(self, mistake: Mistake) -> None:
        self.mistake = mistake

    def reply(self, messages: Sequence[Message]) -> AsyncIterator[Delta]:
        self.mistake.begin()
        self.mistake.here("call")
        return self._reply()

    async def _reply(self) -> AsyncIterator[Delta]:
        self.mistake.here("iterating")
        yield TextDelta("One is first. ")
        yield TextDelta("Two is se")
        self.mistake.here("midway")
        yield TextDelta("cond.")


# --- speaking ---------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def synthesizer(options: Mapping[str, Any]) -> AsyncIterator[Voice]:
    yield Voice(_opened(options))


class Voice:
    name = "broken"
    rate = 16_000
    abilities = SynthesizerAbilities()

    def __init__(self, mistake: Mistake) -> None:
        self.mistake = mistake

    def speak(self, text: str) -> AsyncIterator[SpeechChunk]:
        self.mistake.begin()
        self.mistake.here("call")
        return self._speak(text)

    async def _speak(self, text: str) -> AsyncIterator[SpeechChunk]:
        tone = 0.3 * np.sin(np.arange(1600) * 0.2).astype(np.float32)
        self.mistake.here("iterating")
        for _ in text.split():
            yield SpeechChunk(tone)
            await anyio.lowlevel.checkpoint()
            self.mistake.here("midway")
