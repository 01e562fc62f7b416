"""One streamed call to a provider: in bounded time, closed whatever happens, and the same from one provider or several.

The items of a call are deltas or chunks of sound.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any, TypeVar

import anyio
import anyio.lowlevel
import numpy as np

from assistant.audio.resample import Resampler
from assistant.ports import (
    Adjustable,
    ChatModel,
    Delta,
    FailedMidway,
    Message,
    ProviderError,
    SpeechChunk,
    StreamingSynthesizer,
    Synthesizer,
    TextDelta,
    Tool,
    Usage,
    abilities_of,
)
from providers._links import Attempts, told
from providers._messages import without_tools
from providers._options import Timeouts

P = TypeVar("P")
T = TypeVar("T")

GRACE = 0.5
"""Seconds that a chain waits longer than a provider should: the provider's own error says more."""


def keeps_time(provider: object) -> bool:
    """It bounds the time of each provider that it asks, and may ask several: that of all is not for others to judge.

    Wrappers say so with an attribute of this name.
    """
    return bool(getattr(provider, "keeps_time", False))


async def within(seconds: float, wait: Callable[[], Awaitable[T]], name: str) -> T:
    with anyio.move_on_after(seconds + GRACE):
        return await wait()
    raise ProviderError(f"{name} gave nothing for {seconds:g} s", provider=name)


Within = Callable[[float, Callable[[], Awaitable[Any]], str], Awaitable[Any]]

_OVER: Any = object()


@asynccontextmanager
async def closing(items: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """Close ``items`` at the end, if it can be closed: generators can, and not every provider need be one.

    What breaks while it is closed early is nobody's business: either the caller has had enough, or the first error
    says more.
    """
    try:
        yield items
    except BaseException:
        if isinstance(items, AsyncGenerator):
            with suppress(Exception):
                await items.aclose()
        raise
    if isinstance(items, AsyncGenerator):
        await items.aclose()


async def timed(
    provider: object, items: AsyncIterator[T], timeouts: Timeouts, name: str, within: Within = within
) -> AsyncIterator[T]:
    """What ``provider`` gives, none of which may keep us waiting for ever."""
    async with closing(items):
        if keeps_time(provider):
            async for item in items:
                yield item
            return
        limit = timeouts.first_byte
        while (item := await within(limit, lambda: anext(items, _OVER), name)) is not _OVER:
            yield item
            limit = timeouts.gap


async def relay(
    attempts: Attempts[P], ask: Callable[[P, str], AsyncIterator[T]], begins: Callable[[T], bool]
) -> AsyncIterator[T]:
    """One call: what the first provider that manages it gives. ``begins``: this item can be seen or heard.

    Raises FailedMidway when a provider fails after it has begun and another is left, else ProviderError.
    """
    for link in attempts:
        begun = done = another = False
        try:
            provider = await link.get()
            async with closing(ask(provider, link.name)) as items:
                async for item in items:
                    begun = begun or begins(item)
                    yield item
            done = True
        except Exception as error:
            await anyio.lowlevel.checkpoint_if_cancelled()  # then it broke because the caller leaves
            if isinstance(midway := told(error), FailedMidway):
                done = True  # several themselves, of whom another goes on: that has been told
                raise midway from None
            another = attempts.failed(link, error, midway=begun)
        except (GeneratorExit, anyio.get_cancelled_exc_class()):
            done = begun  # the caller has had enough; a provider that was talking is well
            raise
        finally:
            if done:
                attempts.succeeded(link)
        if done:
            return
        if begun and another:
            raise FailedMidway(str(attempts.nobody()), provider=link.name)
        if begun:
            break
    raise attempts.nobody()


def asked(model: ChatModel, messages: Sequence[Message], tools: Sequence[Tool]) -> AsyncIterator[Delta]:
    """Its reply, given the tools if it can take any, else told in words what was found with them."""
    if not abilities_of(model).tools:
        return model.reply(without_tools(messages))
    return model.reply(messages, tools) if tools else model.reply(messages)


def visible(delta: Delta) -> bool:
    """It can be heard, or asks for something. What a call has used changes nothing."""
    return bool(delta.text) if isinstance(delta, TextDelta) else not isinstance(delta, Usage)


def audible(chunk: SpeechChunk) -> bool:
    return len(chunk.samples) > 0


def paced(voice: Synthesizer, speed: float | None) -> None:
    """Have it speak at ``speed`` times its usual one from now on, where it can. None: nobody has asked for that."""
    if speed is not None and isinstance(voice, Adjustable) and voice.abilities.adjusts_speed:
        voice.set_speed(speed)


async def at_rate(chunks: AsyncIterator[SpeechChunk], from_rate: int, to_rate: int) -> AsyncIterator[SpeechChunk]:
    """``chunks`` at another rate (Hz). Word times stay."""
    async with closing(chunks):
        if from_rate == to_rate:
            async for chunk in chunks:
                yield chunk
            return
        resampler = Resampler(from_rate, to_rate)
        async for chunk in chunks:
            yield replace(chunk, samples=resampler.push(chunk.samples))
        yield SpeechChunk(resampler.push(np.zeros(0, np.float32), last=True))


class Pieces:
    """Text that is being written, which other voices can read as well, from the start.

    A voice that is silent while it waits for more of it is not to blame, so all clocks stand still then.
    """

    def __init__(self, text: AsyncIterator[str]) -> None:
        self._text = text
        self._read: list[str] = []
        self._reading = anyio.Lock()
        self._awaited = False
        self._waiting: dict[anyio.CancelScope, float] = {}
        """Whoever waits for sound, and how many seconds."""

    def again(self) -> AsyncIterator[str]:
        return _Reading(self)

    async def begin(self) -> bool:
        """Wait for the first piece. Returns whether there is one."""
        try:
            await self.piece(0)
        except StopAsyncIteration:
            return False
        return True

    async def piece(self, position: int) -> str:
        """Raises StopAsyncIteration at the end of the text."""
        while position == len(self._read):
            async with self._reading:
                if position == len(self._read):
                    self._read.append(await self._next())
        return self._read[position]

    async def within(self, seconds: float, wait: Callable[[], Awaitable[T]], name: str) -> T:
        """As `within`, but for the clock."""
        scope = anyio.CancelScope()
        self._waiting[scope] = seconds + GRACE
        self._wind(scope)
        try:
            with scope:
                return await wait()
        finally:
            del self._waiting[scope]
        raise ProviderError(f"{name} gave nothing for {seconds:g} s", provider=name)

    async def _next(self) -> str:
        self._awaited = True
        self._wind(*self._waiting)
        try:
            return await anext(self._text)
        finally:
            self._awaited = False
            self._wind(*self._waiting)

    def _wind(self, *scopes: anyio.CancelScope) -> None:
        for scope in scopes:
            scope.deadline = math.inf if self._awaited else anyio.current_time() + self._waiting[scope]


class _Reading:
    """One voice's way through the pieces. No generator: a voice may leave it in the middle without closing it."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._position = 0

    def __aiter__(self) -> _Reading:
        return self

    async def __anext__(self) -> str:
        piece = await self._pieces.piece(self._position)
        self._position += 1
        return piece


def spoken(voice: Synthesizer, pieces: Pieces) -> AsyncIterator[SpeechChunk]:
    """Text that is being written, spoken as it comes where the voice can do that, else once it is all there."""
    if isinstance(voice, StreamingSynthesizer) and voice.abilities.streams_text:
        return voice.stream(pieces.again())
    return _spoken_whole(voice, pieces)


async def _spoken_whole(voice: Synthesizer, pieces: Pieces) -> AsyncIterator[SpeechChunk]:
    text = "".join([piece async for piece in pieces.again()])
    async with closing(voice.speak(text)) as chunks:
        async for chunk in chunks:
            yield chunk
