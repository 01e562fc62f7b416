"""PocketSphinx: hears the offline assistant's requests, without a network, a download or much of a processor.

It listens for those sentences alone (`offline.grammar`) and says so when it heard others: the final is then
``unintelligible``. It decodes in a process of its own while the user speaks (`_sphinx_worker`, `_sphinx_utterance`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import msgspec

from assistant.conversation.events import Transcript, Word
from assistant.ports import CAPTURE_RATE, Frame, ParleyError, ProviderError, ProviderUnavailable, TranscriberAbilities
from providers._card import Card, Cards
from providers._language import primary
from providers._options import Timeouts, read
from providers._sphinx_engine import Engine, packed_sound
from providers._sphinx_worker import FINISH, SOUND
from providers.registry import importable

__all__ = ["Options", "PocketSphinx", "transcriber"]

NAME = "pocketsphinx"
MODEL = "en-us"


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    model: str = MODEL
    """There is but one, which comes with the package."""
    language: str = "auto"
    """"en", or "auto", which means the same here."""
    patience: float = 5.0
    """Seconds without an answer after which its process is held to hang, is ended and started again."""
    timeouts: Timeouts = Timeouts()
    """Taken so that one config fits all; there is no server to wait for."""


@asynccontextmanager
async def transcriber(options: Mapping[str, Any]) -> AsyncIterator[PocketSphinx]:
    """Start the process and load the model in it. Raises ParleyError, ProviderUnavailable."""
    settings = read(Options, options, NAME)
    if settings.model not in ("", MODEL):
        raise ParleyError(f"{NAME}: there is no model {settings.model!r}; it has one, {MODEL!r}: leave the option out")
    if primary(settings.language) not in (None, "en"):
        raise ParleyError(
            f"{NAME}: it understands English alone, not {settings.language!r}; choose another provider for [stt], or "
            f'language = "en"'
        )
    importable("pocketsphinx", provider=NAME, extra="pocketsphinx")
    engine = Engine(NAME, settings.patience, "providers._sphinx_worker", _grammar)
    try:
        try:
            await engine.ensure()
        except ProviderError as error:
            raise ProviderUnavailable(f"{NAME} cannot be started: {error}") from error
        yield PocketSphinx(engine)
    finally:
        engine.end()


class PocketSphinx:
    """A Transcriber."""

    name = NAME
    abilities = TranscriberAbilities(partials=True, word_times=True, languages=("en",))

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def pid(self) -> int | None:
        """Of the process that decodes; None while there is none."""
        return self._engine.pid

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[SphinxStream]:
        """Raises ProviderError when the process died and cannot be started again."""
        await self._engine.ensure()
        stream = SphinxStream(self._engine)
        try:
            yield stream
        finally:
            stream.close()


CARDS: Cards = {
    "stt": Card(
        PocketSphinx.abilities,
        model=MODEL,
        package="pocketsphinx",
        extra="pocketsphinx",
        rates=(CAPTURE_RATE,),
        note="hears what the offline assistant can be asked, and nothing else",
    )
}


class SphinxStream:
    """One utterance."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._start: int | None = None
        self._owed = 0
        self._closed = False
        self._inbox: deque[dict[str, Any] | ProviderError] = deque()
        self._changed = anyio.Event()
        self._last = ""
        self._number = engine.open(self)

    def push(self, frame: Frame) -> None:
        if self._start is None:
            self._start = frame.start
        self._engine.send(SOUND, self._number, packed_sound(frame.samples))

    def finish(self) -> None:
        self._owed += 1
        self._engine.send(FINISH, self._number)
        self._changed.set()  # from now on there is a limit to the wait

    def close(self) -> None:
        """Nobody wants it any more; the iteration ends."""
        self._closed = True
        self._engine.forget(self._number)
        self._changed.set()

    def take(self, message: dict[str, Any] | ProviderError) -> None:
        """Called by the engine, in the event loop."""
        self._inbox.append(message)
        self._changed.set()

    def __aiter__(self) -> SphinxStream:
        return self

    async def __anext__(self) -> Transcript:
        await anyio.lowlevel.checkpoint()
        while not self._closed:
            while self._inbox:
                message = self._inbox.popleft()
                if isinstance(message, ProviderError):
                    raise message
                final = bool(message["final"])
                if final or message["text"] not in ("", self._last):
                    self._owed -= final
                    self._last = message["text"]
                    return self._transcript(message, final)
            await self._wait()
        raise StopAsyncIteration

    async def _wait(self) -> None:
        """Until something has changed. A process that owes an answer and does not give it is ended."""
        self._changed = anyio.Event()
        if not self._owed:
            await self._changed.wait()
            return
        with anyio.move_on_after(self._engine.patience) as scope:
            await self._changed.wait()
        if scope.cancelled_caught:
            self._engine.end()
            raise ProviderError(f"{NAME} did not answer for {self._engine.patience:g} s", provider=NAME)

    def _transcript(self, message: dict[str, Any], final: bool) -> Transcript:
        start = (self._start or 0) / CAPTURE_RATE
        return Transcript(
            text=message["text"],
            final=final,
            until=start + message["until"] / CAPTURE_RATE if message["until"] else None,
            language="en",
            provider=NAME,
            words=tuple(Word(text, start + first, start + last) for text, first, last in message["words"]),
            unintelligible=message["unintelligible"],
        )


def _grammar() -> bytes:
    from providers import _sphinx_grammar  # and with it the whole offline assistant, while the process starts

    return _sphinx_grammar.message()
