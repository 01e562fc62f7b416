"""PocketSphinx: hears the offline assistant's requests, without a network, a download or much of a processor.

It listens for those sentences alone (`offline.grammar`) and says so when it heard others: the final is then
``unintelligible``. It decodes in a process of its own while the user speaks (`_sphinx_worker`, `_sphinx_utterance`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
import msgspec

from assistant.conversation.events import Transcript, Word
from assistant.ports import CAPTURE_RATE, ParleyError, ProviderError, ProviderUnavailable, TranscriberAbilities
from providers._card import Card, Cards
from providers._language import primary
from providers._options import Timeouts, read
from providers._sphinx_engine import Engine, EngineStream
from providers._sphinx_worker import FINISH
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


class SphinxStream(EngineStream):
    """One utterance."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._owed = 0
        self._last = ""

    def finish(self) -> None:
        self._owed += 1
        self._engine.send(FINISH, self._number)
        self._changed.set()  # from now on there is a limit to the wait

    def __aiter__(self) -> SphinxStream:
        return self

    async def __anext__(self) -> Transcript:
        while (message := await self._next()) is not None:
            final = bool(message["final"])
            if final or message["text"] not in ("", self._last):
                self._owed -= final
                self._last = message["text"]
                return self._transcript(message, final)
        raise StopAsyncIteration

    async def _wait(self) -> None:
        """A process that owes an answer and does not give it is ended."""
        if not self._owed:
            await super()._wait()
            return
        with anyio.move_on_after(self._engine.patience) as scope:
            await super()._wait()
        if scope.cancelled_caught:
            self._engine.end()
            raise ProviderError(f"{NAME} did not answer for {self._engine.patience:g} s", provider=NAME)

    def _transcript(self, message: dict[str, Any], final: bool) -> Transcript:
        start = self.start
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
