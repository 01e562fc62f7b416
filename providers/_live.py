"""Recognisers over WebSocket: one wrapper for every vendor that takes sound as it comes.

A vendor is a `Dialect`: how sound, "finish" and goodbye are written, and what its messages mean. One utterance is one
connection, taken from those kept warm; its sound is sent in steady pieces, and what was said before a connection was
there is caught up with at once.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import anyio

from assistant.audio.resample import Resampler
from assistant.conversation.events import Transcript, Word
from assistant.ports import CAPTURE_RATE, Frame, ProviderError, Samples, TranscriberAbilities
from providers._lines import Lines
from providers._options import Timeouts
from providers._remote import CLOSING
from providers._tasks import owned_tasks
from providers._transcripts import Transcripts
from providers._wav import pcm16
from providers._ws import Message, Socket, understood


@dataclass(frozen=True, slots=True)
class Heard:
    """What the server believes the whole utterance says so far. Times count from the utterance's first sample."""

    text: str
    final: bool = False
    until: float | None = None
    """Seconds of sound that are covered; None: the server does not say, and a final covers what was sent before it was
    asked for."""
    words: tuple[Word, ...] = ()
    language: str | None = None
    end_of_turn: bool = False
    firm: bool = False
    """A final that will not be taken back: what comes behind it is what was said after it."""


class Dialect(Protocol):
    """One utterance in a vendor's words. Made anew for each, and keeps what was recognised so far."""

    def hello(self) -> Sequence[Message]:
        """What comes before the sound."""
        ...

    def sound(self, pcm: bytes) -> Message:
        """A piece of sound: 16-bit little-endian PCM, mono, at the transcriber's rate."""
        ...

    def finish(self) -> Sequence[Message] | Heard:
        """What asks for a final of the sound sent so far; or the final itself, where the server has given it already
        and would say nothing more."""
        ...

    def read(self, message: Any) -> Iterable[Heard]:
        """What a message means; nothing, for most. Raises ProviderError for one that tells of an error."""
        ...


@runtime_checkable
class Parting(Protocol):
    """A dialect whose `finish` is a goodbye: the server gives what it has and hangs up. What the user says after that
    goes over another connection, to the same dialect, which says `hello` again."""

    def parted(self) -> Iterable[Heard]:
        """The server has hung up: the final that was wanted, where it has not been given."""
        ...


class LiveTranscriber:
    """A Transcriber around a vendor's WebSocket."""

    def __init__(
        self,
        lines: Lines,
        dialect: Callable[[Socket], Dialect],
        *,
        abilities: TranscriberAbilities,
        rate: int = CAPTURE_RATE,
        chunk: float = 0.064,
        least: float = 0.0,
        patience: float = 0.0,
        takes_back: bool = True,
        fastest: float = math.inf,
    ) -> None:
        """``rate``: Hz on the wire. ``chunk``: seconds of sound in a message; ``least``: that no message may be shorter
        than. ``patience``: seconds after a pause for which the server's own final is waited for before one is asked
        for; asking may cut a turn in two. ``takes_back``: the server may find that a final of its own was none; else
        what comes behind one is what was said after it. ``fastest``: times real time at which sound that waits is sent,
        after the first `BURST` seconds of it."""
        self.name = lines.server.provider
        self.abilities = abilities
        self.rate = rate
        self.chunk = chunk
        self.least = least
        self.patience = patience
        self.takes_back = takes_back
        self.fastest = fastest
        self._lines = lines
        self._dialect = dialect

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[LiveStream]:
        async with owned_tasks() as tasks:
            stream = LiveStream(self, self._lines.server.timeouts)
            tasks.start_soon(stream.run, self._lines, self._dialect)
            yield stream


class LiveStream:
    """One utterance. A task of its own holds the connection, since whoever iterates may come late or be cancelled."""

    def __init__(self, owner: LiveTranscriber, timeouts: Timeouts) -> None:
        self._owner = owner
        self._timeouts = timeouts
        self._outgoing = _Outgoing(owner.rate, owner.chunk, owner.least)
        self._start = 0.0
        """Audio-clock second of the first sample."""
        self._begun = False
        self._owed = 0
        self._asked_until = 0.0
        """Seconds of sound for which a final was wanted last."""
        self._ask_at = math.inf
        """When the server is asked for the final that it has not given by itself."""
        self._given: str | None = None
        """The final that was the answer to the last pause."""
        self._latest = ""
        """What it believed last."""
        self._transcripts = Transcripts()
        self._sending = anyio.CancelScope()
        self._reading = anyio.CancelScope()
        self._answering = False
        """The server has said something since a final was asked for."""
        self._unsent: ProviderError | None = None
        """Why no more can be sent."""
        self._parting = False
        """It has been told goodbye."""

    def push(self, frame: Frame) -> None:
        if not self._begun:
            self._start, self._begun = frame.at, True
        self._outgoing.push(frame.samples)

    def finish(self) -> None:
        self._owed += 1
        self._outgoing.finish()

    def __aiter__(self) -> LiveStream:
        return self

    async def __anext__(self) -> Transcript:
        return await self._transcripts.next()

    async def run(self, lines: Lines, dialect_of: Callable[[Socket], Dialect]) -> None:
        """Recognise until the stream is left."""
        dialect: Dialect | None = None
        failure: ProviderError | None = None
        try:
            while failure is None:
                async with lines.lease() as lease:
                    dialect = dialect or dialect_of(lease.socket)
                    failure = await self._converse(lease.socket, dialect)
                if failure is None:
                    await self._outgoing.more()
        except ProviderError as error:
            failure = error
        self._transcripts.tell(failure)

    async def _converse(self, socket: Socket, dialect: Dialect) -> ProviderError | None:
        """Send and read side by side until one of them fails. None: the server has hung up as it was told to."""
        failure: ProviderError | None = None
        async with anyio.create_task_group() as both:

            async def send() -> None:
                try:
                    await self._send(socket, dialect)
                except ProviderError as error:
                    self._unsent = error  # why the server hung up is still to be read, if it has
                    self._reading.deadline = anyio.current_time() + CLOSING

            both.start_soon(send)
            try:
                await self._read(socket, dialect)
            except ProviderError as error:
                failure = error
            both.cancel_scope.cancel()
        if self._parting and socket.hung_up and isinstance(dialect, Parting):
            self._parting = False
            for heard in dialect.parted():
                self._hear(heard)
            return None
        return failure

    async def _send(self, socket: Socket, dialect: Dialect) -> None:
        for message in dialect.hello():
            await socket.send(message)
        began, before = anyio.current_time(), self._outgoing.taken
        while True:
            pcm, finish = b"", False
            with anyio.CancelScope(deadline=self._ask_at) as self._sending:
                pcm, finish = await self._outgoing.next()
            if pcm:
                await socket.send(dialect.sound(pcm))
                due = began + (self._outgoing.taken - before - BURST) / self._owner.fastest
                if due > anyio.current_time():
                    await anyio.sleep_until(due)
            if finish:
                self._asked_until, self._given = self._outgoing.taken, None
                self._answering = False
                self._ask_at = anyio.current_time() + self._owner.patience
                self._wind()
            if anyio.current_time() >= self._ask_at:
                self._ask_at = math.inf
                asks = dialect.finish()
                if isinstance(asks, Heard):
                    self._hear(asks)
                    continue
                for message in asks:
                    await socket.send(message)
                if isinstance(dialect, Parting):
                    self._parting = True
                    return

    async def _read(self, socket: Socket, dialect: Dialect) -> None:
        with anyio.CancelScope() as self._reading:
            self._wind()
            while True:
                message = await socket.receive()
                self._answering = True
                self._wind()
                for heard in understood(dialect.read, message, self._owner.name):
                    self._hear(heard)
        if self._unsent is not None:
            raise self._unsent
        who = self._owner.name
        if self._answering:
            raise ProviderError(f"{who} fell silent for {self._timeouts.gap:g} s", provider=who)
        raise ProviderError(f"{who}: no first byte for {self._timeouts.first_byte:g} s", provider=who)

    def _wind(self) -> None:
        """While a final is owed of sound that it has, the server's time is running, anew with all that it says."""
        if self._unsent is not None:
            return
        wait = math.inf
        if (self._owed and not self._outgoing.wanted) or self._parting:
            wait = self._timeouts.gap if self._answering else self._timeouts.first_byte
        self._reading.deadline = anyio.current_time() + wait

    def _ask(self, at: float) -> None:
        self._ask_at = self._sending.deadline = at

    def _hear(self, heard: Heard) -> None:
        until = heard.until
        times = 1
        if not heard.final and self._given is not None and heard.text != self._given:
            # The server takes its final back: it is asked for another, should it give none by itself.
            self._owed, self._given = 1, None
            self._ask(anyio.current_time() + self._owner.patience)
            self._wind()
        elif not heard.final and self._ask_at < math.inf and heard.text != self._latest:
            # It is still finding words: asked now, it would cut a turn in the middle of them.
            self._ask(anyio.current_time() + self._owner.patience)
        self._latest = heard.text
        if heard.final:
            until = self._asked_until if until is None else until
            if until >= self._asked_until - SLACK:
                # One that covers the sound of all who asked is the answer to all of them.
                self._given = heard.text if self._owed and self._owner.takes_back and not heard.firm else None
                times, self._owed = max(1, self._owed), 0
                self._ask(math.inf)
                self._wind()
        words = tuple(replace(word, start=word.start + self._start, end=word.end + self._start) for word in heard.words)
        at = None if until is None else self._start + until
        transcript = Transcript(
            heard.text, heard.final, at, heard.language, self._owner.name, words, heard.end_of_turn
        )  # fmt: skip
        for _ in range(times):
            self._transcripts.tell(transcript)


BURST = 2.0
"""Seconds of sound that may be sent at once: what was said while the connection was being made."""
SLACK = 0.3
"""Seconds by which a final may end before the sound for which it was wanted: the end of that sound is a pause."""


class _Outgoing:
    """Sound that waits to be sent, cut into pieces of one length; and where in it a final was asked for.

    So much is always kept back that the last piece before a final is none too short either. Of a pause that follows
    another at once, the little sound between them waits for more.
    """

    def __init__(self, rate: int, chunk: float, least: float) -> None:
        self._resampler = None if rate == CAPTURE_RATE else Resampler(CAPTURE_RATE, rate)
        self._rate = rate
        self._size = max(1, round(chunk * rate)) * 2
        self._least = round(least * rate) * 2
        self._pcm = bytearray()
        self._finish_at: list[int] = []
        """Byte positions, of all bytes ever, at which finals were asked for."""
        self._sent = 0
        self._changed = anyio.Event()

    @property
    def taken(self) -> float:
        """Seconds of sound handed out so far."""
        return self._sent / 2 / self._rate

    @property
    def wanted(self) -> bool:
        """A final is wanted of sound that has not all been handed out."""
        return bool(self._finish_at)

    def push(self, samples: Samples) -> None:
        if self._resampler is not None:
            samples = self._resampler.push(samples)
        self._pcm += pcm16(samples)
        if self._ready():
            self._changed.set()

    def finish(self) -> None:
        self._finish_at.append(self._sent + len(self._pcm))
        self._changed.set()

    async def more(self) -> None:
        """Wait until there is something to send."""
        while not (self._finish_at or self._ready()):
            self._changed = anyio.Event()
            await self._changed.wait()

    async def next(self) -> tuple[bytes, bool]:
        """The next piece, and whether a final is asked for after it. All that waits comes in pieces of 0.5 s."""
        await self.more()
        most = max(self._size, self._rate // 2 * 2)
        if self._finish_at:
            left = max(0, self._finish_at[0] - self._sent)
            size = left if left <= most else min(most, left - self._least)
            if size == left:
                del self._finish_at[0]
            return self._take(size if size >= self._least else 0), size == left
        whole = (len(self._pcm) - self._least) // self._size * self._size
        return self._take(min(whole, most)), False

    def _ready(self) -> bool:
        return len(self._pcm) >= self._size + self._least

    def _take(self, size: int) -> bytes:
        pcm = bytes(self._pcm[:size])
        del self._pcm[:size]
        self._sent += size
        return pcm
