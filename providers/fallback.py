"""A chain of providers that is a provider itself: when one fails the next goes on, and the sick one is rested.

Nothing that was said is repeated, and no call is tried twice on one provider. Before a reply or a sound has begun a
failure is invisible. After that only the caller knows how to go on, so it is told by `FailedMidway`; its next call goes
to the next provider, since the failed one rests. A transcriber's successor gets the utterance's sound from its start.

Whatever a provider's own code raises is that provider's failure, and nothing that it does can end the conversation: a
ProviderError says itself what it is; a ParleyError means that it cannot be built; any other exception is a mistake in
the provider, told as "NAME broke: ValueError: ..." with the exception as the ``__cause__``, and treated alike.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import anyio
import anyio.lowlevel
import numpy as np
from anyio.abc import TaskGroup

from assistant.audio.resample import Resampler
from assistant.ports import (
    Adjustable,
    ChatAbilities,
    ChatModel,
    Delta,
    FailedMidway,
    Frame,
    Message,
    ParleyError,
    ProviderError,
    ProviderUnavailable,
    SpeechChunk,
    Stage,
    StreamingSynthesizer,
    Synthesizer,
    TextDelta,
    Tool,
    Transcriber,
    TranscriberStream,
    Transcript,
    Usage,
    abilities_of,
)  # fmt: skip
from providers import breaker
from providers._errors import Refusal, Rejected, scrubbed
from providers._options import Timeouts
from providers._tasks import owned_tasks

log = logging.getLogger("parley")

P = TypeVar("P")
T = TypeVar("T")

OnFailure = Callable[[Stage, str, ProviderError, str | None], None]
"""Told of every failure: the stage, who failed, how, and who is next (None: nobody is left)."""

GRACE = 0.5
"""Seconds that the chain waits longer than a provider should: the provider's own error says more."""
OPENING = 30.0
"""Seconds that opening a provider may take once it is needed in the middle of a conversation."""


@dataclass(frozen=True)
class Lazy(Generic[P]):
    """A provider that is opened when it is first needed, and kept."""

    name: str
    open: Callable[[], AbstractAsyncContextManager[P]]


class _Link(Generic[P]):
    """One provider of a chain."""

    def __init__(self, provider: P | Lazy[P], tasks: TaskGroup) -> None:
        self.name: str = getattr(provider, "name")  # noqa: B009 - every provider has one, and P cannot say so
        self.health = breaker.Health()
        self._lazy: Lazy[P] | None = provider if isinstance(provider, Lazy) else None
        self._provider: P | None = None if isinstance(provider, Lazy) else provider
        self._tasks = tasks
        self._opened: anyio.Event | None = None
        self._failure: Exception | None = None

    async def get(self, within: float = OPENING) -> P:
        """The provider, opened. Raises ProviderError, ParleyError when it cannot be built, or what broke in it.

        One that broke down after it was opened says so once, and is opened again the next time.
        """
        if self._provider is None and self._lazy is not None:
            if self._opened is None:
                # In a task of the chain's own: it outlives the reply that happens to need it first.
                self._opened = anyio.Event()
                self._tasks.start_soon(self._hold, self._lazy, self._opened)
            with anyio.move_on_after(within):
                await self._opened.wait()
        if self._failure is not None:
            failure, self._failure, self._opened = self._failure, None, None
            raise failure
        if self._provider is None:
            raise ProviderError(f"{self.name} is still being opened after {within:g} s", provider=self.name)
        return self._provider

    async def _hold(self, lazy: Lazy[P], opened: anyio.Event) -> None:
        try:
            async with lazy.open() as self._provider:
                opened.set()
                await anyio.sleep_forever()
        except Exception as error:
            if self._tasks.cancel_scope.cancel_called:
                log.warning("while it was being closed: %s", _as_failure(error, self.name))
            self._provider, self._failure = None, error  # whoever asks for it next is told
            opened.set()


class _Chain(Generic[P]):
    """The links, and whom to tell of failures."""

    def __init__(self, stage: Stage, links: Sequence[_Link[P]], on_failure: OnFailure) -> None:
        if not links:
            raise ValueError("a chain needs a provider")
        self.stage = stage
        self.links = links
        self._on_failure = on_failure

    async def open(self) -> P:
        """The first provider that can be opened.

        Raises ProviderUnavailable when none can, and any other ParleyError at once: a mistake in the configuration is
        to be mended, not passed over.
        """
        reasons: list[ProviderError] = []
        for link, following in zip(self.links, [*self.links[1:], None], strict=True):
            try:
                return await link.get(within=math.inf)  # a first start may download a model for minutes
            except Exception as error:
                told = _told(error)
                if isinstance(told, ParleyError) and not isinstance(told, ProviderUnavailable):
                    raise told from None
                failure = _as_failure(error, link.name)
                reasons.append(failure)
                self.rest(link, failure)
                self.tell(link, failure, following)
        raise ProviderUnavailable("; ".join(str(reason) for reason in reasons))

    def attempts(self) -> _Attempts[P]:
        return _Attempts(self)

    def first(self) -> _Link[P]:
        """Who would be asked first by a call that begins now."""
        return self.links[breaker.order([link.health for link in self.links], anyio.current_time())[0]]

    def rest(self, link: _Link[P], error: ProviderError) -> None:
        if not isinstance(error, Refusal):  # it is well, and only would not answer this
            link.health = breaker.failed(
                link.health,
                anyio.current_time(),
                lasting=isinstance(error, Rejected),
                retry_after=error.retry_after,
            )

    def tell(self, link: _Link[P], error: ProviderError, following: _Link[P] | None) -> None:
        self._on_failure(self.stage, link.name, error, following.name if following is not None else None)


class _Attempts(Generic[P]):
    """One call's way along the chain: iterate the links; report each one's outcome before taking the next.

    Nobody is asked twice, and of the resting one at most: somebody may be waiting for an apology.
    """

    def __init__(self, chain: _Chain[P]) -> None:
        self._chain = chain
        self._tried: list[_Link[P]] = []
        self._asked_resting = False
        self.error: ProviderError | None = None

    def __iter__(self) -> Iterator[_Link[P]]:
        while (link := self._next()) is not None:
            now = anyio.current_time()
            self._tried.append(link)
            self._asked_resting = self._asked_resting or link.health.rests_until > now
            link.health = breaker.called(link.health, now)
            yield link

    def _next(self) -> _Link[P] | None:
        now = anyio.current_time()
        untried = [link for link in self._chain.links if link not in self._tried]
        for index in breaker.order([link.health for link in untried], now):
            if untried[index].health.rests_until <= now or not self._asked_resting:
                return untried[index]
        return None

    def failed(self, error: Exception, *, midway: bool = False) -> bool:
        """The link taken last failed. Returns whether there is another, in this call or (``midway``) in a new one."""
        link = self._tried[-1]
        self.error = _as_failure(error, link.name)
        self._chain.rest(link, self.error)
        following = self._chain.first() if midway else self._next()
        following = None if following is link else following
        self._chain.tell(link, self.error, following)
        return following is not None

    def succeeded(self) -> None:
        self._tried[-1].health = breaker.succeeded()

    def nobody(self) -> ProviderError:
        """What to raise at the chain's end."""
        assert self.error is not None
        return self.error


def _as_failure(error: Exception, name: str) -> ProviderError:
    """Anything that a provider's code raised, as that provider's failure."""
    told = _told(error)
    if isinstance(told, ProviderError):
        return told
    if isinstance(told, ParleyError):  # what cannot be built will not be built by asking again soon
        failure: ProviderError = Rejected(str(told), provider=name)
    else:
        what = scrubbed(f"{type(told).__name__}: {told}".strip(": "))
        failure = ProviderError(f"{name} broke: {what}", provider=name)
        failure.__cause__ = error
    return failure


def _told(error: Exception) -> Exception:
    """The error itself, or the one that says most of those that a provider's task group gathered."""
    if not isinstance(error, ExceptionGroup):
        return error
    found = [_told(inner) for inner in error.exceptions]
    return next((inner for inner in found if isinstance(inner, ProviderError | ParleyError)), found[0])


async def _within(seconds: float, wait: Callable[[], Awaitable[T]], name: str) -> T:
    with anyio.move_on_after(seconds + GRACE):
        return await wait()
    raise ProviderError(f"{name} gave nothing for {seconds:g} s", provider=name)


_OVER: Any = object()


@asynccontextmanager
async def _closing(items: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
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


_Within = Callable[[float, Callable[[], Awaitable[Any]], str], Awaitable[Any]]


async def _timed(items: AsyncIterator[T], timeouts: Timeouts, name: str, within: _Within = _within) -> AsyncIterator[T]:
    """``items``, none of which may keep us waiting for ever."""
    limit = timeouts.first_byte
    async with _closing(items):
        while (item := await within(limit, lambda: anext(items, _OVER), name)) is not _OVER:
            yield item
            limit = timeouts.gap


async def _relay(
    chain: _Chain[P], ask: Callable[[P, str], AsyncIterator[T]], begins: Callable[[T], bool]
) -> AsyncIterator[T]:
    """One call: what the first provider that manages it gives. ``begins``: this item can be seen or heard.

    Raises FailedMidway when a provider fails after it has begun and another is left, else ProviderError.
    """
    attempts = chain.attempts()
    for link in attempts:
        begun = done = another = False
        try:
            provider = await link.get()
            async with _closing(ask(provider, link.name)) as items:
                async for item in items:
                    begun = begun or begins(item)
                    yield item
            done = True
        except Exception as error:
            await anyio.lowlevel.checkpoint_if_cancelled()  # then it broke because the caller leaves
            another = attempts.failed(error, midway=begun)
        except (GeneratorExit, anyio.get_cancelled_exc_class()):
            done = begun  # the caller has had enough; a provider that was talking is well
            raise
        finally:
            if done:
                attempts.succeeded()
        if done:
            return
        if begun and another:
            raise FailedMidway(str(attempts.nobody()), provider=link.name)
        if begun:
            break
    raise attempts.nobody()


# --- thinking ---------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def fallback_chat(
    models: Sequence[ChatModel | Lazy[ChatModel]], on_failure: OnFailure, timeouts: Timeouts | None = None
) -> AsyncIterator[ChatModel]:
    """The models as one. The first that can be opened is opened now. Raises ProviderUnavailable when none can."""
    async with owned_tasks() as tasks:
        chain = _Chain("llm", [_Link(model, tasks) for model in models], on_failure)
        yield _FallbackChat(chain, await chain.open(), timeouts or Timeouts())


class _FallbackChat:
    def __init__(self, chain: _Chain[ChatModel], first: ChatModel, timeouts: Timeouts) -> None:
        self.name = first.name
        # A successor may have an ability that the first has not; it is asked for it only when its turn comes.
        self.abilities = ChatAbilities(tools=True, usage=abilities_of(first).usage)
        self._chain = chain
        self._timeouts = timeouts

    def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> AsyncIterator[Delta]:
        """Each model is given the tools that it can take: none, where its abilities do not say so."""

        def ask(model: ChatModel, name: str) -> AsyncIterator[Delta]:
            answer = model.reply(messages, tools) if tools and abilities_of(model).tools else model.reply(messages)
            return _timed(answer, self._timeouts, name)

        return _relay(self._chain, ask, _visible)


def _visible(delta: Delta) -> bool:
    """It can be heard, or asks for something. What a call has used changes nothing."""
    return bool(delta.text) if isinstance(delta, TextDelta) else not isinstance(delta, Usage)


# --- speaking ---------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def fallback_synthesizer(
    voices: Sequence[Synthesizer | Lazy[Synthesizer]], on_failure: OnFailure, timeouts: Timeouts | None = None
) -> AsyncIterator[Synthesizer]:
    """The voices as one, at the rate and with the abilities of the first that can be opened; it is opened now.

    A successor at another rate is resampled. Raises ProviderUnavailable when none can be opened.
    """
    async with owned_tasks() as tasks:
        chain = _Chain("tts", [_Link(voice, tasks) for voice in voices], on_failure)
        yield _FallbackVoice(chain, await chain.open(), timeouts or Timeouts())


class _FallbackVoice:
    def __init__(self, chain: _Chain[Synthesizer], first: Synthesizer, timeouts: Timeouts) -> None:
        self.name = first.name
        self.rate = first.rate
        self.abilities = first.abilities
        self._chain = chain
        self._timeouts = timeouts
        self._speed: float | None = None

    def set_speed(self, factor: float) -> None:
        """Of whichever voice speaks next, where it can."""
        self._speed = factor

    def speak(self, text: str) -> AsyncIterator[SpeechChunk]:
        return self._spoken(lambda voice: voice.speak(text), _within)

    def stream(self, text: AsyncIterator[str]) -> AsyncIterator[SpeechChunk]:
        """A successor that takes no streamed text waits for the whole of it."""
        pieces = _Pieces(text)

        def sound(voice: Synthesizer) -> AsyncIterator[SpeechChunk]:
            if isinstance(voice, StreamingSynthesizer) and voice.abilities.streams_text:
                return voice.stream(pieces.again())
            return _spoken_whole(voice, pieces)

        return self._spoken(sound, pieces.within)

    def _spoken(
        self, sound: Callable[[Synthesizer], AsyncIterator[SpeechChunk]], within: _Within
    ) -> AsyncIterator[SpeechChunk]:
        def ask(voice: Synthesizer, name: str) -> AsyncIterator[SpeechChunk]:
            if self._speed is not None and isinstance(voice, Adjustable) and voice.abilities.adjusts_speed:
                voice.set_speed(self._speed)
            return self._at_rate(_timed(sound(voice), self._timeouts, name, within), voice.rate)

        return _relay(self._chain, ask, lambda chunk: len(chunk.samples) > 0)

    async def _at_rate(self, chunks: AsyncIterator[SpeechChunk], rate: int) -> AsyncIterator[SpeechChunk]:
        """``chunks`` at the chain's own rate."""
        async with _closing(chunks):
            if rate == self.rate:
                async for chunk in chunks:
                    yield chunk
                return
            resampler = Resampler(rate, self.rate)
            async for chunk in chunks:
                yield replace(chunk, samples=resampler.push(chunk.samples))
            yield SpeechChunk(resampler.push(np.zeros(0, np.float32), last=True))


class _Pieces:
    """Text that is being written, which a successor can read again from the start.

    A voice that is silent while it waits for more of it is not to blame, so its clock stands still then.
    """

    def __init__(self, text: AsyncIterator[str]) -> None:
        self._text = text
        self._read: list[str] = []
        self._awaited = False
        self._waiting = anyio.CancelScope()
        """Of whoever waits for sound."""
        self._limit = math.inf

    def again(self) -> AsyncIterator[str]:
        return _Reading(self)

    async def piece(self, position: int) -> str:
        """Raises StopAsyncIteration at the end of the text."""
        if position == len(self._read):
            self._read.append(await self._next())
        return self._read[position]

    async def within(self, seconds: float, wait: Callable[[], Awaitable[T]], name: str) -> T:
        """As `_within`, but for the clock."""
        with anyio.CancelScope() as self._waiting:
            self._limit = seconds + GRACE
            self._wind()
            return await wait()
        raise ProviderError(f"{name} gave nothing for {seconds:g} s", provider=name)

    async def _next(self) -> str:
        self._awaited = True
        self._wind()
        try:
            return await anext(self._text)
        finally:
            self._awaited = False
            self._wind()

    def _wind(self) -> None:
        self._waiting.deadline = math.inf if self._awaited else anyio.current_time() + self._limit


class _Reading:
    """One voice's way through the pieces. No generator: a voice may leave it in the middle without closing it."""

    def __init__(self, pieces: _Pieces) -> None:
        self._pieces = pieces
        self._position = 0

    def __aiter__(self) -> _Reading:
        return self

    async def __anext__(self) -> str:
        piece = await self._pieces.piece(self._position)
        self._position += 1
        return piece


async def _spoken_whole(voice: Synthesizer, pieces: _Pieces) -> AsyncIterator[SpeechChunk]:
    text = "".join([piece async for piece in pieces.again()])
    async with _closing(voice.speak(text)) as chunks:
        async for chunk in chunks:
            yield chunk


# --- hearing ----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def fallback_transcriber(
    transcribers: Sequence[Transcriber | Lazy[Transcriber]], on_failure: OnFailure, timeouts: Timeouts | None = None
) -> AsyncIterator[Transcriber]:
    """The transcribers as one, with the abilities of the first that can be opened; it is opened now.

    Raises ProviderUnavailable when none can be opened.
    """
    async with owned_tasks() as tasks:
        chain = _Chain("stt", [_Link(transcriber, tasks) for transcriber in transcribers], on_failure)
        yield _FallbackTranscriber(chain, await chain.open(), timeouts or Timeouts())


class _FallbackTranscriber:
    def __init__(self, chain: _Chain[Transcriber], first: Transcriber, timeouts: Timeouts) -> None:
        self.name = first.name
        self.abilities = first.abilities
        self._chain = chain
        self._timeouts = timeouts

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[TranscriberStream]:
        async with owned_tasks() as tasks:
            stream = _FallbackStream(self._chain.attempts(), self._timeouts)
            tasks.start_soon(stream.run)
            yield stream


class _FallbackStream:
    """One utterance. A task of its own holds the provider's stream, since the one who iterates may be another."""

    def __init__(self, attempts: _Attempts[Transcriber], timeouts: Timeouts) -> None:
        self._attempts = attempts
        self._patience = timeouts.first_byte + GRACE
        self._frames: list[Frame] = []
        self._owed = 0
        """Finals that were asked for and have not come."""
        self._current: TranscriberStream | None = None
        self._attempt = anyio.CancelScope()
        self._broken: Exception | None = None
        """What the current stream raised when it was handed something."""
        self._results: deque[Transcript | ProviderError] = deque()
        self._changed = anyio.Event()

    def push(self, frame: Frame) -> None:
        self._frames.append(frame)
        self._with_current(lambda stream: stream.push(frame))

    def finish(self) -> None:
        self._owed += 1
        self._with_current(lambda stream: stream.finish())
        self._wind()

    def _with_current(self, act: Callable[[TranscriberStream], None]) -> None:
        if self._current is None:
            return
        try:
            act(self._current)
        except Exception as error:  # it is in the middle of the session's own work: let `run` take it up
            self._broken, self._current = error, None
            self._attempt.cancel()

    def __aiter__(self) -> _FallbackStream:
        return self

    async def __anext__(self) -> Transcript:
        while not self._results:
            self._changed = anyio.Event()
            await self._changed.wait()
        result = self._results[0]
        if isinstance(result, ProviderError):
            raise result  # and stays: nobody is left
        return self._results.popleft()  # type: ignore[return-value]

    async def run(self) -> None:
        """Transcribe with one provider after the other, until the stream is closed."""
        for link in self._attempts:
            try:
                await self._hear_with(link)
                return
            except Exception as error:
                await anyio.lowlevel.checkpoint_if_cancelled()  # then it broke because the caller leaves
                self._attempts.failed(error)
            finally:
                self._current = None
        self._tell(self._attempts.nobody())

    async def _hear_with(self, link: _Link[Transcriber]) -> None:
        transcriber = await link.get()
        failure: Exception = ProviderError(
            f"{link.name} gave no transcript for {self._patience - GRACE:g} s", provider=link.name
        )
        self._broken = None
        with anyio.CancelScope() as self._attempt:
            async with transcriber.stream() as stream:
                try:
                    self._catch_up(stream)
                    await self._listen(stream)
                    # It hung up. That is early while something is owed, or will be.
                    failure = ProviderError(f"{link.name} ended before its transcript was final", provider=link.name)
                except Exception as error:
                    failure = error  # raised outside: a stream that owns tasks would wrap it in a group
        raise self._broken or failure

    async def _listen(self, stream: TranscriberStream) -> None:
        async for transcript in stream:
            self._tell(transcript)
            if transcript.final:
                self._attempts.succeeded()
                self._owed = max(0, self._owed - 1)
                self._attempt.deadline = math.inf
                self._wind()

    def _catch_up(self, stream: TranscriberStream) -> None:
        for frame in self._frames:
            stream.push(frame)
        self._current = stream
        if self._owed:
            self._owed = 1  # one final of the whole utterance is the answer to all who asked
            stream.finish()
            self._wind()

    def _wind(self) -> None:
        """While a final is owed the provider's time is running."""
        if self._owed and self._current is not None:
            self._attempt.deadline = min(self._attempt.deadline, anyio.current_time() + self._patience)

    def _tell(self, result: Transcript | ProviderError) -> None:
        self._results.append(result)
        self._changed.set()
