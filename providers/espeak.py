"""espeak-ng in this process: first sound within 1 ms, exact word times, 140 voices, no network.

The library has one global state, so all instances share one worker thread. It calls back with 60 ms of sound at a
time; returning 1 from that call ends the synthesis, which is how a reply is cancelled.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np

from assistant.conversation.history import SpokenWord
from assistant.ports import ParleyError, SpeechChunk, SynthesizerAbilities
from providers import _libespeak
from providers._card import Card, Cards, VoiceInfo
from providers._libespeak import RATE
from providers._options import Timeouts, read
from providers._worker import Feed, Worker
from providers.registry import importable

NAME = "espeak-ng"
NORMAL_SPEED = 175
"""Words a minute: espeak's own default."""
SLOWEST, FASTEST = 0.5, 2.5
"""Of the speed: espeak itself takes 80 to 450 words a minute."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
"""Espeak reads \\x01 as the start of a command, and ends at \\x00."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    voice: str = "en-us"
    """A language ("en-us", "de"), perhaps with a variant ("en-us+f3"); ``voices()`` lists the languages."""
    speed: Annotated[float, msgspec.Meta(ge=SLOWEST, le=FASTEST)] = 1.0
    pitch: Annotated[int, msgspec.Meta(ge=0, le=99)] = 50
    volume: Annotated[float, msgspec.Meta(ge=0, le=2)] = 1.0
    model: str = ""
    """The same as ``voice``: what follows the colon in ``espeak-ng:de``."""
    timeouts: Timeouts = Timeouts()


@asynccontextmanager
async def synthesizer(options: Mapping[str, Any]) -> AsyncIterator[Espeak]:
    """Open the voice. Raises ParleyError for one that does not exist, ProviderUnavailable without the library."""
    settings = read(Options, options, NAME)
    async with _worker() as worker:
        await worker.run(_check_voice, settings.model or settings.voice)
        yield Espeak(settings, worker)


async def voices(options: Mapping[str, Any]) -> Sequence[VoiceInfo]:
    """All languages that espeak-ng speaks. Raises ParleyError, ProviderUnavailable without the library."""
    read(Options, options, NAME)
    async with _worker() as worker:
        return await worker.run(_list_voices)


class Espeak:
    """A Synthesizer."""

    name = NAME
    rate = RATE
    abilities = SynthesizerAbilities(word_times=True, adjusts_speed=True)

    def __init__(self, settings: Options, worker: Worker) -> None:
        self._configured = self._settings = settings
        self._worker = worker

    def set_speed(self, factor: float) -> None:
        """What is spoken next is at ``factor`` times the configured speed, as far as espeak goes."""
        speed = min(FASTEST, max(SLOWEST, self._configured.speed * factor))
        self._settings = msgspec.structs.replace(self._configured, speed=speed)

    async def speak(self, text: str) -> AsyncIterator[SpeechChunk]:
        """60 ms of sound at a time, the first within a millisecond."""
        if not text.strip():
            return
        feed: Feed[SpeechChunk] = self._worker.feed(partial(_synthesize, self._worker, self._settings, text))
        try:
            async for chunk in feed:
                yield chunk
        finally:
            feed.abandon()


CARDS: Cards = {
    "tts": Card(
        Espeak.abilities,
        package="espeakng_loader",
        extra="espeak",
        rates=(RATE,),
        voices=(Options().voice,),
        note="one voice for each of 140 languages, with variants such as en-us+f3",
        model_is_voice=True,
    )
}


# --- the worker that all instances share -----------------------------------------------------------------------------

_shared: tuple[Worker, int] | None = None


@asynccontextmanager
async def _worker() -> AsyncIterator[Worker]:
    global _shared
    worker, users = _shared or (Worker(NAME), 0)
    _shared = worker, users + 1
    try:
        await worker.run(_libespeak.load)
        yield worker
    finally:
        worker, users = _shared
        _shared = (worker, users - 1) if users > 1 else None
        if _shared is None:
            await worker.aclose()


# --- from here on: only in the worker's thread -----------------------------------------------------------------------


def _check_voice(voice: str) -> None:
    base, _, variant = voice.partition("+")
    if not base or _libespeak.load().espeak_SetVoiceByName(_own_name(base)) != 0:
        some = ", ".join(known.id for known in _list_voices() if len(known.id) == 2)
        raise ParleyError(f"{NAME}: there is no voice {voice!r}; there are, among others, en-us, en-gb, {some}")
    if variant and variant not in _variants():
        raise ParleyError(f"{NAME}: there is no variant {variant!r}; choose one of {', '.join(_variants())}")


def _list_voices() -> list[VoiceInfo]:
    found: dict[str, VoiceInfo] = {}
    for voice in _all_voices():
        _, code = _libespeak.languages(voice)[0]
        found.setdefault(code, VoiceInfo(code, voice.name.decode(), code))
    return sorted(found.values(), key=lambda voice: voice.id)


def _all_voices() -> Iterator[Any]:
    pointers = _libespeak.load().espeak_ListVoices(None)
    for index in itertools.count():
        if not pointers[index]:
            return
        yield pointers[index].contents


def _own_name(voice: str) -> bytes:
    """As espeak takes it: by itself it finds a voice by the name of its file, which "en-gb" and "fr-fr" are not."""
    base, plus, variant = voice.partition("+")
    return (_names().get(base.lower(), base) + plus + variant).encode()


@cache
def _names() -> dict[str, str]:
    """Every code that a voice goes by, in lower case, and the identifier of the best voice for it."""
    ranked: dict[str, tuple[int, str]] = {}
    for voice in _all_voices():
        for rank, code in _libespeak.languages(voice):
            best = ranked.get(code.lower())
            if best is None or rank < best[0]:
                ranked[code.lower()] = rank, voice.identifier.decode()
    return {code: identifier for code, (_, identifier) in ranked.items()}


def _variants() -> list[str]:
    """Espeak itself takes any variant, and speaks as if none had been asked for."""
    folder = Path(importable("espeakng_loader", provider=NAME, extra="espeak").get_data_path()) / "voices" / "!v"
    return sorted(path.name for path in folder.iterdir())


def _synthesize(worker: Worker, settings: Options, text: str, put: Callable[[SpeechChunk], None]) -> None:
    library = _libespeak.load()
    words = _Words(text)

    def heard(sound: Any, count: int, events: Any) -> int:
        if worker.abandoned:
            return 1
        told: list[SpokenWord] = []
        index = 0
        while events[index].type != _libespeak.LIST_END:
            event = events[index]
            if event.type == _libespeak.WORD:
                told += words.begins(event.text_position - 1, event.sample / RATE)
            index += 1
        if count > 0 or told:
            samples = np.ctypeslib.as_array(sound, (count,)) if count > 0 else np.empty(0, np.int16)
            put(SpeechChunk(samples.astype(np.float32) / np.float32(32768), tuple(told)))
        return 0

    callback = _libespeak.Callback(heard)
    library.espeak_SetSynthCallback(callback)
    library.espeak_SetVoiceByName(_own_name(settings.model or settings.voice))
    for name, value in {
        "rate": round(NORMAL_SPEED * settings.speed),
        "volume": round(100 * settings.volume),
        "pitch": settings.pitch,
    }.items():
        library.espeak_SetParameter(_libespeak.PARAMETERS[name], value, 0)
    spoken = _CONTROL.sub(" ", text).encode("utf-8", "replace")
    _libespeak.synthesize(spoken)
    if rest := words.rest():
        put(SpeechChunk(np.empty(0, np.float32), tuple(rest)))


class _Words:
    """Espeak's word events -> when each word of the text, as it is written, begins.

    "42" or "well-known" are several events and one word here; "of the" is one event and two words, the second of
    which begins where the letters of the two would divide the time between them.
    """

    def __init__(self, text: str) -> None:
        self._tokens = [match.span() for match in re.finditer(r"\S+", text)]
        self._speakable = [any(map(str.isalnum, text[start:end])) for start, end in self._tokens]
        self._at = -1
        """The token that sounds."""
        self._since = 0.0

    def begins(self, position: int, seconds: float) -> list[SpokenWord]:
        """Espeak has come to the character at ``position``: the words that are thereby known, in order."""
        token = self._at
        while token + 1 < len(self._tokens) and self._tokens[token + 1][0] <= position:
            token += 1
        if token == self._at:
            return []
        words = [*self._between(token, seconds), self._word(token, seconds)]
        self._at, self._since = token, seconds
        return words

    def rest(self) -> list[SpokenWord]:
        """At the end of the sound: words that had no event of their own share the last word's time."""
        return self._between(len(self._tokens), self._since)

    def _between(self, token: int, seconds: float) -> list[SpokenWord]:
        """The words after the one that sounds and before ``token``, which begins at ``seconds``."""
        first = max(self._at, 0)
        letters = [end - start for start, end in self._tokens[first:token]]
        share = (seconds - self._since) / max(1, sum(letters))
        return [
            self._word(index, self._since + share * sum(letters[: index - first]))
            for index in range(self._at + 1, token)
            if self._speakable[index]
        ]

    def _word(self, token: int, seconds: float) -> SpokenWord:
        start, end = self._tokens[token]
        return SpokenWord(seconds, start, end - start)
