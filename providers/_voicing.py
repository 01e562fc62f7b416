"""Voices over WebSocket: one wrapper for every vendor that speaks as it is written.

A vendor is a `Dialect`: how text, its end and a cancellation are written, and what its messages mean. A call has a
connection to itself, taken from those kept warm; where the vendor tells calls apart (contexts) it goes back to them.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Protocol, runtime_checkable

import anyio

from assistant.ports import ProviderError, SpeechChunk, SynthesizerAbilities
from providers._errors import Refusal
from providers._lines import Lines
from providers._remote import CLOSING
from providers._ws import Message, Socket, understood


class Dialect(Protocol):
    """One call in a vendor's words. Made anew for each."""

    done: bool
    """The server has said that this was all; or it was told nothing that it would answer."""
    reusable: bool
    """After a cancellation, what still comes of this call can be told from the next one's: the connection is kept."""

    def text(self, piece: str) -> Sequence[Message]:
        """Speak this, behind what came before. What must come first is written with the first piece."""
        ...

    def end(self) -> Sequence[Message]:
        """There is no more text."""
        ...

    def cancel(self) -> Sequence[Message]:
        """Stop, and forget the text."""
        ...

    def read(self, message: Any) -> Iterable[SpeechChunk]:
        """What a message means; another call's means nothing. Raises ProviderError for one that tells of an error, and
        Refusal where what comes is not wanted but the connection is in order: the call is cancelled then."""
        ...


@runtime_checkable
class Lingering(Protocol):
    """A dialect in which something may follow the last sound, or not."""

    grace: float | None
    """Seconds for which it is waited for from now on; None: there is more to come for certain."""


@runtime_checkable
class Leaving(Protocol):
    """A dialect that must still say something before the next call may have the connection."""

    def leave(self) -> Sequence[Message]:
        """Said once all has come."""
        ...


class LiveVoice:
    """A Synthesizer around a vendor's WebSocket. ``stream`` is offered where the abilities say ``streams_text``."""

    def __init__(
        self,
        lines: Lines,
        dialect: Callable[[Socket], Dialect],
        *,
        rate: int,
        abilities: SynthesizerAbilities,
    ) -> None:
        """``rate``: Hz of the samples that the dialect reads. ``dialect`` makes one for each call, which is told its
        connection: some vendors count the calls on it."""
        self.name = lines.server.provider
        self.rate = rate
        self.abilities = abilities
        self._lines = lines
        self._dialect = dialect

    def speak(self, text: str) -> AsyncIterator[SpeechChunk]:
        return self._said(_Once(text))

    def stream(self, text: AsyncIterator[str]) -> AsyncIterator[SpeechChunk]:
        return self._said(text)

    async def _said(self, text: AsyncIterator[str]) -> AsyncIterator[SpeechChunk]:
        async with self._lines.lease() as lease:
            dialect = self._dialect(lease.socket)
            call = _Call(self._lines, lease.socket, dialect, text)
            self._lines.start(call.feed)
            try:
                while not dialect.done:
                    message = await call.receive()
                    if message is _NO_MORE:
                        break
                    for chunk in understood(dialect.read, message, self.name):
                        call.heard(len(chunk.samples))
                        yield chunk
                if call.worded and not call.flowing:
                    raise ProviderError(f"{self.name} sent no sound", provider=self.name)
                await call.leave()
                lease.keep()
            except (GeneratorExit, anyio.get_cancelled_exc_class(), Refusal):  # nobody wants the rest
                if dialect.reusable and await call.cancelled():
                    lease.keep()
                raise
            finally:
                await call.stop()


_NO_MORE: Any = object()
"""Nothing will come, or what might have followed the last sound has not."""


class _Once:
    """One piece of text as a stream of text."""

    def __init__(self, text: str) -> None:
        self._text: str | None = text

    def __aiter__(self) -> _Once:
        return self

    async def __anext__(self) -> str:
        text, self._text = self._text, None
        if text is None:
            raise StopAsyncIteration
        return text


class _Call:
    """One call: its text goes out in a task of the connections' own, since no scope may be open at a generator's yield.

    A server is only waited for once it has all the text: it may need more of it before it can say anything.
    """

    def __init__(self, lines: Lines, socket: Socket, dialect: Dialect, text: AsyncIterator[str]) -> None:
        self._server = lines.server
        self._socket = socket
        self._dialect = dialect
        self._text = text
        self._feeding = anyio.CancelScope()
        self._over = anyio.Event()
        self._waiting = anyio.CancelScope()
        self._all_sent = False
        self._failure: Exception | None = None
        self.flowing = False
        """Some sound has come."""
        self.worded = False
        """There was something to say."""

    async def feed(self) -> None:
        """Send the text as it is written, and its end."""
        try:
            with self._feeding:
                async for piece in self._text:
                    self.worded = self.worded or any(map(str.isalnum, piece))
                    await self._send(self._dialect.text(piece))
                await self._send(self._dialect.end())
        except Exception as error:  # whoever waits for sound is told
            self._failure = error
        finally:
            self._all_sent = True
            self._over.set()
            self._wind()

    async def receive(self) -> Any:
        """The next message, or `_NO_MORE`. Raises ProviderError, or what reading the text raised."""
        with anyio.CancelScope() as self._waiting:
            self._wind()
            try:
                return await self._socket.receive()
            except ProviderError as error:
                failure = error
            raise failure
        if self._failure is not None and not isinstance(self._failure, ProviderError):
            raise self._failure
        if self._grace is not None or self._dialect.done:
            return _NO_MORE
        who, limit = self._server.provider, self._limit
        clause = f" fell silent for {limit:g} s" if self.flowing else f": no first byte for {limit:g} s"
        raise ProviderError(f"{who}{clause}", provider=who)

    def heard(self, samples: int) -> None:
        self.flowing = self.flowing or samples > 0

    async def leave(self) -> None:
        """Say what must be said before the next call. A connection that is over by now is noticed by that."""
        if isinstance(self._dialect, Leaving):
            with suppress(ProviderError):
                await self._send(self._dialect.leave())

    async def cancelled(self) -> bool:
        """Tell the server to stop, within 100 ms. Whether it was told."""
        with anyio.move_on_after(CLOSING, shield=True):
            self._feeding.cancel()
            await self._over.wait()
            try:
                await self._send(self._dialect.cancel())
            except ProviderError:
                return False
            return True
        return False

    async def stop(self) -> None:
        """No more text is sent from here on."""
        self._feeding.cancel()
        with anyio.CancelScope(shield=True):
            await self._over.wait()

    @property
    def _grace(self) -> float | None:
        return self._dialect.grace if isinstance(self._dialect, Lingering) else None

    @property
    def _limit(self) -> float:
        if self._grace is not None:
            return self._grace
        return self._server.timeouts.gap if self.flowing else self._server.timeouts.first_byte

    def _wind(self) -> None:
        """Set the clock of whoever waits for sound."""
        broken = self._failure is not None and not isinstance(self._failure, ProviderError)
        wait = 0.0 if broken or self._dialect.done else self._limit if self._all_sent else math.inf
        self._waiting.deadline = anyio.current_time() + wait

    async def _send(self, messages: Sequence[Message]) -> None:
        for message in messages:
            await self._socket.send(message)
