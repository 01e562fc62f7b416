"""PocketSphinx as a spotter of keyphrases: a few short phrases, said alone, known within a tenth of a second.

It has a process of its own (`_keyphrase_worker`), which decodes what was said up to a pause twice: bound to the phrases
and bound to no more than phones. A regression (`_keyphrase_score`) tells from both whether a phrase was said. While no
stream is open it does nothing at all.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import msgspec

from assistant.ports import Frame, ParleyError, ProviderError, ProviderUnavailable, Spotted
from providers._options import Timeouts, read
from providers._sphinx_engine import Engine, EngineStream
from providers.registry import importable

__all__ = ["Options", "SphinxSpotter", "spotter"]

NAME = "pocketsphinx"
PHRASES = ("stop",)
ASKED = 16
"""Frames, half a second, after which its process is asked once more whether it is there."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    phrases: tuple[str, ...] = PHRASES
    """English words, as they are spelled in a dictionary, without marks."""
    patience: float = 5.0
    """Seconds within which its process must be ready, and say that it still is while it is given sound."""
    timeouts: Timeouts = Timeouts()
    """Taken so that one config fits all; there is no server to wait for."""


@asynccontextmanager
async def spotter(options: Mapping[str, Any]) -> AsyncIterator[SphinxSpotter]:
    """Start the process and load the model in it. Raises ParleyError, ProviderUnavailable."""
    settings = read(Options, options, NAME)
    if not settings.phrases or not all(phrase.split() for phrase in settings.phrases):
        raise ParleyError(f"{NAME}: there is no phrase to spot; give the option phrases at least one, of words")
    importable("pocketsphinx", provider=NAME, extra="pocketsphinx")
    unknown = await anyio.to_thread.run_sync(unpronounceable, settings.phrases)
    if unknown:
        raise ParleyError(
            f"{NAME}: it does not know how to pronounce {', '.join(map(repr, unknown))}; take an English word that a "
            "dictionary has"
        )
    message = json.dumps(grammar(settings.phrases)).encode()
    engine = Engine(NAME, settings.patience, "providers._keyphrase_worker", lambda: message)
    try:
        try:
            await engine.ensure()
        except ProviderError as error:
            raise ProviderUnavailable(f"{NAME} cannot be started: {error}") from error
        yield SphinxSpotter(engine, settings.phrases)
    finally:
        engine.end()


def grammar(phrases: Sequence[str]) -> dict[str, Any]:
    """What the worker is told: the phrases as JSGF, and their words."""
    said = [phrase.casefold().split() for phrase in phrases]
    sentences = " | ".join(" ".join(words) for words in said)
    jsgf = f"#JSGF V1.0;\ngrammar phrases;\npublic <phrase> = {sentences};\n"
    return {"jsgf": jsgf, "vocabulary": sorted({word for words in said for word in words})}


def unpronounceable(phrases: Sequence[str]) -> list[str]:
    """Words that the model's dictionary does not have. Reads a file, and needs the package."""
    from providers._sphinx_decoder import unknown

    return unknown(grammar(phrases)["vocabulary"])


class SphinxSpotter:
    """A KeyphraseSpotter."""

    name = NAME

    def __init__(self, engine: Engine, phrases: tuple[str, ...]) -> None:
        self._engine = engine
        self.phrases = phrases

    @property
    def pid(self) -> int | None:
        """Of the process that decodes; None while there is none."""
        return self._engine.pid

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[SpotterStream]:
        """Raises ProviderError when the process died or hung since the last one, once, and when no other can be
        started. The next stream has another."""
        self._engine.check()
        await self._engine.ensure()
        stream = SpotterStream(self._engine)
        try:
            yield stream
        finally:
            stream.close()


class SpotterStream(EngineStream):
    """One stretch of sound. A process that takes it and says nothing, not even that it is there, is ended."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._pushed = 0

    def push(self, frame: Frame) -> None:
        super().push(frame)
        if self._pushed % ASKED == 0:
            self._engine.ask()
        self._pushed += 1

    def __aiter__(self) -> SpotterStream:
        return self

    async def __anext__(self) -> Spotted:
        message = await self._next()
        if message is None:
            raise StopAsyncIteration
        return Spotted(message["phrase"], self.start + message["first"], self.start + message["last"])

    async def _wait(self) -> None:
        with anyio.CancelScope(deadline=self._engine.overdue_at) as scope:
            await super()._wait()
        if scope.cancelled_caught:
            self._engine.check()
