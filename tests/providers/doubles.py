"""Providers for the tests of wrappers: what they give and when stands in their fields, and they count what is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import numpy as np

from assistant.ports import (
    FRAME,
    ChatAbilities,
    Delta,
    Frame,
    Message,
    ProviderError,
    SpeechChunk,
    SpokenWord,
    SynthesizerAbilities,
    Text,
    TextDelta,
    Tool,
    TranscriberAbilities,
    Transcript,
)

HELLO = [Message("user", (Text("hello"),))]


@dataclass
class Told:
    """What a wrapper tells, of failures and of other things."""

    failures: list[tuple[str, str | None]] = field(default_factory=list)
    """Who failed, who goes on."""
    errors: list[str] = field(default_factory=list)
    news: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)

    def failed(self, stage: str, provider: str, error: ProviderError, following: str | None) -> None:
        self.failures.append((provider, following))
        self.errors.append(str(error))

    def tell(self, stage: str, what: str, more: Mapping[str, object]) -> None:
        self.news.append((what, more))


@dataclass
class Failures:
    """What the session would be told."""

    seen: list[tuple[str, str, str, str | None]] = field(default_factory=list)
    errors: list[ProviderError] = field(default_factory=list)

    def __call__(self, stage: str, provider: str, error: ProviderError, following: str | None) -> None:
        self.errors.append(error)
        self.seen.append((stage, provider, str(error), following))

    @property
    def path(self) -> list[tuple[str, str | None]]:
        return [(provider, following) for _, provider, _, following in self.seen]


@dataclass
class Inside:
    """What is wrapped, by name, and the options through which a wrapper finds it."""

    providers: Mapping[str, Any]
    """One that is an exception cannot be opened."""
    told: Told = field(default_factory=Told)
    opened: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def open(self, name: str, around: Callable[..., Any] | None = None) -> AsyncIterator[Any]:
        provider = self.providers[name]
        if isinstance(provider, Exception):
            raise provider
        self.opened.append(name)
        try:
            yield provider
        finally:
            self.closed.append(name)

    def options(self, **own: Any) -> dict[str, Any]:
        return {"open": self.open, "on_failure": self.told.failed, "tell": self.told.tell, **own}


class _Pace:
    """Seconds to wait before each call's first item: the same every time, or the next of several."""

    def __init__(self, delay: float | Iterator[float]) -> None:
        self._delay = delay

    async def wait(self) -> None:
        await anyio.sleep(self._delay if isinstance(self._delay, int | float) else next(self._delay))


@dataclass
class Call:
    """One call to a double."""

    asked: Any
    began: float = field(default_factory=anyio.current_time)
    ended: float | None = None
    """When it was over, whichever way."""


@dataclass
class Model:
    """Gives ``deltas`` after ``delay``, then fails with ``error`` if it has one."""

    name: str
    deltas: Sequence[Delta | str] = ("all", " well")
    delay: float | Iterator[float] = 0.1
    gap: float = 0.0
    error: Exception | None = None
    abilities: ChatAbilities = ChatAbilities()
    closing: float = 0.0
    """Seconds that closing its stream takes."""
    calls: list[Call] = field(default_factory=list)
    tools: list[Sequence[Tool]] = field(default_factory=list)

    async def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> AsyncIterator[Delta]:
        call = Call(messages)
        self.calls.append(call)
        self.tools.append(tools)
        try:
            await _Pace(self.delay).wait()
            for delta in self.deltas:
                yield TextDelta(delta) if isinstance(delta, str) else delta
                await anyio.sleep(self.gap)
            if self.error is not None:
                raise self.error
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(self.closing)
            call.ended = anyio.current_time()


async def said(model: Any, tools: Sequence[Tool] = ()) -> str:
    deltas = [delta async for delta in model.reply(HELLO, tools)]
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


@dataclass
class Voice:
    """Makes 0.1 s of a tone a word: ``pitch`` Hz, the first after ``delay``."""

    name: str
    delay: float | Iterator[float] = 0.1
    rate: int = 24_000
    pitch: float = 440.0
    error: Exception | None = None
    fails_after: int = 0
    """Words before the error."""
    abilities: SynthesizerAbilities = SynthesizerAbilities(word_times=True)
    calls: list[Call] = field(default_factory=list)
    speeds: list[float] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        return [call.asked for call in self.calls]

    def set_speed(self, factor: float) -> None:
        self.speeds.append(factor)

    async def speak(self, text: str) -> AsyncIterator[SpeechChunk]:
        call = Call(text)
        self.calls.append(call)
        try:
            await _Pace(self.delay).wait()
            offset = 0
            for index, word in enumerate(text.split()):
                if self.error is not None and index == self.fails_after:
                    raise self.error
                offset = text.index(word, offset)
                yield SpeechChunk(self.tone(), (SpokenWord(0.1 * index, offset, len(word)),))
                offset += len(word)
        finally:
            call.ended = anyio.current_time()

    async def stream(self, text: AsyncIterator[str]) -> AsyncIterator[SpeechChunk]:
        call = Call("")
        self.calls.append(call)
        try:
            async for piece in text:
                call.asked += piece
                await _Pace(self.delay).wait()
                if self.error is not None:
                    raise self.error
                yield SpeechChunk(np.tile(self.tone(), len(piece.split())))
        finally:
            call.ended = anyio.current_time()

    def tone(self) -> np.ndarray:
        return (0.3 * np.sin(np.arange(self.rate // 10) * 2 * np.pi * self.pitch / self.rate)).astype(np.float32)


async def sound(chunks: AsyncIterator[SpeechChunk]) -> tuple[np.ndarray, list[SpokenWord]]:
    """All the samples and all the words."""
    samples, words = [np.zeros(0, np.float32)], []
    async for chunk in chunks:
        samples.append(chunk.samples)
        words += chunk.words
    return np.concatenate(samples), words


def pitch_of(samples: np.ndarray, rate: int) -> float:
    """Hz of the loudest tone."""
    return float(np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples))


@dataclass
class Ear:
    """Gives a final ``delay`` seconds after each `finish`, which tells how many frames it has."""

    name: str
    delay: float | Iterator[float] = 0.1
    says: str = "{frames} frames"
    partial_every: int = 0
    """Frames between partials; 0: none."""
    fails_after: int | None = None
    """Frames."""
    error_at_finish: bool = False
    ends_early: bool = False
    """It hangs up when it is asked for a final."""
    end_of_turn: bool = False
    abilities: TranscriberAbilities = TranscriberAbilities()
    streams: list[EarStream] = field(default_factory=list)
    kind: Callable[[Ear], EarStream] = field(default=lambda ear: EarStream(ear))

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[EarStream]:
        stream = self.kind(self)
        self.streams.append(stream)
        try:
            async with anyio.create_task_group():  # as providers with a socket do
                yield stream
        finally:
            stream.closed = anyio.current_time()


@dataclass
class EarStream:
    ear: Ear
    frames: list[Frame] = field(default_factory=list)
    owed: int = 0
    closed: float | None = None
    told: int = 0
    changed: anyio.Event = field(default_factory=anyio.Event)

    def push(self, frame: Frame) -> None:
        self.frames.append(frame)
        self.changed.set()

    def finish(self) -> None:
        self.owed += 1
        self.changed.set()

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        ear = self.ear
        while True:
            if ear.fails_after is not None and len(self.frames) >= ear.fails_after:
                raise ProviderError(f"{ear.name} went deaf", provider=ear.name)
            if self.owed:
                if ear.ends_early:
                    return
                if ear.error_at_finish:
                    raise ProviderError(f"{ear.name} went deaf", provider=ear.name)
                final = self.transcript(True)
                await _Pace(ear.delay).wait()
                self.owed -= 1
                yield final
            elif ear.partial_every and len(self.frames) >= self.told + ear.partial_every:
                self.told = len(self.frames)
                yield self.transcript(False)
            else:
                await self.changed.wait()
                self.changed = anyio.Event()

    def transcript(self, final: bool) -> Transcript:
        text = self.ear.says.format(frames=len(self.frames))
        until = self.frames[-1].end if self.frames else None
        end_of_turn = final and self.ear.end_of_turn
        return Transcript(text, final, until, provider=self.ear.name, end_of_turn=end_of_turn)


def frame(index: int) -> Frame:
    return Frame(np.full(FRAME, 0.1, np.float32), index * FRAME)


async def speak_to(stream: Any, frames: int, first: int = 0) -> None:
    """Push frames in real time."""
    for index in range(first, first + frames):
        stream.push(frame(index))
        await anyio.sleep(0.032)


Opened = AbstractAsyncContextManager[Any]
