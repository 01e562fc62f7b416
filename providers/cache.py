"""Speech that has been made before, from disk: heard at once, and for nothing.

What is kept is each complete synthesis of a text with its word times; one that was interrupted leaves nothing. Around
a voice that a server makes `assistant.assemble` puts it by itself (``[tts] cache = true``); by name it goes around any:

    [providers.kept]
    provider = "cache"
    options = { of = "espeak-ng", limit_mb = 50 }

Around a wrapper (a chain, a route, a hedge) it goes around each voice in it, never around the whole: what a stand-in
has said is not kept as the first choice's.

The key is a hash of the text, the voice's name, settings and version, so nothing that is kept can be found under
another voice; keys and passwords are not among the settings. What will surely be said (apologies, and the words with
which answers like to begin) is made ahead, while nobody speaks.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import msgspec
import numpy as np
import platformdirs
from anyio.abc import TaskGroup

from assistant.ports import (
    SpeechChunk,
    SpokenWord,
    StreamingSynthesizer,
    Synthesizer,
    SynthesizerAbilities,
)
from providers import registry
from providers._calls import closing, keeps_time, paced
from providers._card import Card, Cards
from providers._speech_store import FORMAT, Recording, SpeechStore
from providers._tasks import owned_tasks
from providers._wrapping import Leaf, Wrapper, Wraps, wrapper
from providers.registry import Options

NAME = "cache"
log = logging.getLogger("parley")

WRAPS: Wraps = {"tts": ("of",)}
CARDS: Cards = {"tts": Card(SynthesizerAbilities(), note="keeps on disk what `of` has said")}

LIMIT_MB = 200
"""Some three thousand sentences."""
CHUNK = 0.25
"""Seconds of kept sound handed over at a time: converting more to the loudspeaker's rate would hold others up."""
IDLE = 3.0
"""Seconds without a call before anything is made ahead."""
ATTEMPTS = 3
"""Times that a text is made ahead, should real calls come in between."""

_NOT_SOUND = ("timeouts",)
_SECRET = re.compile(r"key|token|secret|passw|auth|credential|cookie", re.IGNORECASE)
"""In the name of an option: it changes nothing of the sound, and is none of a file's business, hashed or not."""
_USER = re.compile(r"(?<=://)[^/@\s]*@")


class CacheOptions(Wrapper, frozen=True, forbid_unknown_fields=True, kw_only=True):
    of: str = ""
    limit_mb: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = LIMIT_MB
    """What the folder may hold; what was not used for longest goes."""
    folder: str = ""
    """Empty: "parley/speech" in the platform's folder for caches."""


@asynccontextmanager
async def synthesizer(options: Options) -> AsyncIterator[Synthesizer]:
    """Open what is wrapped, with a cache around each voice in it. Raises what opening that raises."""
    settings, inner = wrapper(CacheOptions, options, NAME, WRAPS["tts"])
    cache = Cache(settings.limit_mb, settings.folder, inner.phrases)
    async with inner.open(settings.of, cache.around) as voice:
        yield voice


class Cache:
    """One folder and what is kept in it. One for each session."""

    def __init__(self, limit_mb: int = LIMIT_MB, folder: str = "", phrases: Sequence[str] = ()) -> None:
        """``phrases`` are made ahead in each voice."""
        place = Path(folder).expanduser() if folder else platformdirs.user_cache_path("parley") / "speech"
        self.store = SpeechStore(place, limit_mb * 1_000_000)
        self.phrases = phrases

    def where_it_pays(self, opened: AbstractAsyncContextManager[Any], leaf: Leaf) -> AbstractAsyncContextManager[Any]:
        """An `Around`: with this cache, if what the voice says is worth keeping; else as it is."""
        return self.around(opened, leaf) if pays(leaf) else opened

    @asynccontextmanager
    async def around(self, opened: AbstractAsyncContextManager[Any], leaf: Leaf) -> AsyncIterator[Any]:
        """An `Around`: what ``opened`` yields, with this cache."""
        async with opened as voice:
            if not _is_settled(leaf):
                log.warning("%s takes whichever model its server has: name one to have its speech kept", leaf.name)
                yield voice
                return
            async with owned_tasks() as tasks:
                cached = CachedVoice(voice, self.store, identity(leaf), tasks)
                if self.phrases:
                    tasks.start_soon(cached.make_ahead, self.phrases)
                yield cached


def pays(leaf: Leaf) -> bool:
    """Is it worth keeping what this voice says? Where a server makes it: that takes longer than reading a file, and
    mostly costs. A voice in this process begins within milliseconds; one that says nothing of itself is left alone."""
    card = registry.card("tts", leaf.name)
    remote = card is not None and bool(card.address or card.server)
    return (remote or bool(leaf.options.get("base_url"))) and _is_settled(leaf)


def identity(leaf: Leaf) -> Mapping[str, Any]:
    """All that the sound of a voice depends on, but for its rate, its speed and the text. No secrets."""
    card = registry.card("tts", leaf.name)
    local = card is not None and not (card.address or card.server or leaf.options.get("base_url"))
    return {
        "name": leaf.name,
        "model": leaf.options.get("model") or (card.model if card is not None else ""),
        "settings": _harmless(leaf.options),
        "from": registry.version("tts", leaf.name),
        "engine": _version_of(card.package) if card is not None and card.package and local else "",
    }


def _harmless(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options without secrets, and without those that change no sound."""
    kept = {key: value for key, value in options.items() if key not in _NOT_SOUND and not _SECRET.search(key)}
    for key, value in kept.items():
        if isinstance(value, Mapping):
            kept[key] = _harmless(value)
        elif isinstance(value, str):
            kept[key] = _USER.sub("", value)
    return kept


def _is_settled(leaf: Leaf) -> bool:
    """Is it known before it speaks who will?"""
    if leaf.options.get("model"):
        return True
    card = registry.card("tts", leaf.name)
    return card is None or bool(card.model) or not card.server


def _version_of(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


class CachedVoice:
    """A Synthesizer, with all that the voice in it can do."""

    def __init__(self, voice: Synthesizer, store: SpeechStore, who: Mapping[str, Any], tasks: TaskGroup) -> None:
        self.name = voice.name
        self._voice = voice
        self._store = store
        self._who = who
        self._tasks = tasks
        self._speed = 1.0
        self._under_way = 0
        self._quiet_since = anyio.current_time()
        self._ahead = anyio.CancelScope()
        """Of the text that is being made ahead."""
        self._ready: set[str] = set()
        """Phrases that were made ahead, in this session or before."""

    @property
    def rate(self) -> int:
        return self._voice.rate

    @property
    def abilities(self) -> SynthesizerAbilities:
        return self._voice.abilities

    @property
    def keeps_time(self) -> bool:
        return keeps_time(self._voice)

    def set_speed(self, factor: float) -> None:
        self._speed = factor
        paced(self._voice, factor)

    async def speak(self, text: str) -> AsyncIterator[SpeechChunk]:
        """From disk what has been said before; the rest as the voice makes it, and to disk once it is complete."""
        self._begin()
        try:
            key, lead = self._key(text), len(text) - len(text.lstrip())
            kept = await anyio.to_thread.run_sync(self._store.get, key)
            if kept is not None:
                async for chunk in _played(kept, lead):
                    yield chunk
                return
            made = _Made(self.rate, lead)
            async with closing(self._voice.speak(text)) as chunks:
                async for chunk in chunks:
                    made.add(chunk)
                    yield chunk
            if made.recording is not None and key == self._key(text):
                self._tasks.start_soon(self._keep, key, made.recording)
        finally:
            self._end()

    async def stream(self, text: AsyncIterator[str]) -> AsyncIterator[SpeechChunk]:
        """As the voice makes it: what a text will be is not known while it is being written. But where it begins with
        words that are kept (one of the phrases that are made ahead), those are heard first, and at once."""
        assert isinstance(self._voice, StreamingSynthesizer)
        self._begin()
        try:
            written, opener, kept = await self._opening(text)
            rest, seconds = _Rest(written[len(opener) :], text), 0.0
            if kept is not None:
                async for chunk in _played(kept, len(opener) - len(opener.lstrip())):
                    yield chunk
                seconds = len(kept.samples) / kept.rate
                if not await rest.begins():
                    return
            async with closing(self._voice.stream(rest)) as chunks:
                async for chunk in chunks:
                    yield replace(chunk, words=tuple(_moved(word, seconds, len(opener)) for word in chunk.words))
        finally:
            self._end()

    async def _opening(self, text: AsyncIterator[str]) -> tuple[str, str, Recording | None]:
        """What of the text had to be read to know whether it begins with a kept phrase; that beginning and its sound.

        At most a word or two are waited for that could still become one: hardly a voice begins with fewer.
        """
        written = ""
        while self._ready:
            said = written.lstrip()
            if opener := next((phrase for phrase in self._ready if f"{said.rstrip()} ".startswith(f"{phrase} ")), ""):
                kept = await anyio.to_thread.run_sync(self._store.get, self._key(opener))
                until = len(written) - len(said) + len(opener)
                return (written, written[:until], kept) if kept is not None else (written, "", None)
            if said and not any(phrase.startswith(said.rstrip()) for phrase in self._ready):
                break
            if (piece := await anext(text, None)) is None:
                break
            written += piece
        return written, "", None

    async def make_ahead(self, phrases: Sequence[str]) -> None:
        """Say each of them to nobody, when nobody else wants to hear something, and only what is not kept yet."""
        for text in phrases:
            if await anyio.to_thread.run_sync(self._store.has, self._key(text)):
                self._ready.add(text)
        for text in phrases:
            for _ in range(ATTEMPTS):
                if text in self._ready:
                    break
                await self._nobody_speaks()
                made = _Made(self.rate, 0)
                try:
                    with anyio.CancelScope() as self._ahead:
                        async with closing(self._voice.speak(text)) as chunks:
                            async for chunk in chunks:
                                made.add(chunk)
                except Exception as error:  # a mistake in the voice's own code as well: there will be real calls
                    log.debug("nothing more is made ahead: %s", error)
                    return
                if not self._ahead.cancelled_caught:
                    if made.recording is not None:
                        await self._keep(self._key(text), made.recording)
                        self._ready.add(text)
                    break

    async def _nobody_speaks(self) -> None:
        while self._under_way or anyio.current_time() < self._quiet_since + IDLE:  # noqa: ASYNC110 - it is never urgent
            await anyio.sleep(IDLE / 3)

    async def _keep(self, key: str, recording: Recording) -> None:
        with anyio.CancelScope(shield=True):  # it takes milliseconds, and the conversation may be at its end
            await anyio.to_thread.run_sync(self._store.put, key, recording)

    def _begin(self) -> None:
        """A real call: what is made ahead must not stand in its way."""
        self._under_way += 1
        self._ahead.cancel()

    def _end(self) -> None:
        self._under_way -= 1
        self._quiet_since = anyio.current_time()

    def _key(self, text: str) -> str:
        # White space around a text is not heard. Inside it may be: a new line can be a pause.
        parts = [FORMAT, self._who, self.rate, self._speed, text.strip()]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=repr).encode()).hexdigest()


class _Made:
    """A synthesis while it is being made."""

    def __init__(self, rate: int, lead: int) -> None:
        """``lead``: characters of the text that are not part of the key's."""
        self._rate = rate
        self._lead = lead
        self._samples: list[Any] = []
        self._words: list[SpokenWord] = []
        self._true = True
        """The voice has said what it was given."""

    def add(self, chunk: SpeechChunk) -> None:
        self._true = self._true and chunk.said is None
        self._samples.append(chunk.samples)
        self._words += chunk.words

    @property
    def recording(self) -> Recording | None:
        """All of it; None when nothing came, or other words than were asked for."""
        samples = np.concatenate([np.zeros(0, np.float32), *self._samples])
        words = tuple(replace(word, offset=word.offset - self._lead) for word in self._words)
        return Recording(self._rate, samples, words) if len(samples) and self._true else None


def _moved(word: SpokenWord, seconds: float, offset: int) -> SpokenWord:
    return replace(word, start=word.start + seconds, offset=word.offset + offset) if offset else word


class _Rest:
    """A text after what has been read of it. No generator: a voice may leave it in the middle without closing it."""

    def __init__(self, read: str, text: AsyncIterator[str]) -> None:
        """``read``: what comes first."""
        self._read = [read] if read else []
        self._text = text

    async def begins(self) -> bool:
        """Wait for the first piece. Returns whether there is one."""
        if not self._read and (piece := await anext(self._text, None)) is not None:
            self._read.append(piece)
        return bool(self._read)

    def __aiter__(self) -> _Rest:
        return self

    async def __anext__(self) -> str:
        return self._read.pop(0) if self._read else await anext(self._text)


async def _played(kept: Recording, lead: int) -> AsyncIterator[SpeechChunk]:
    """In chunks, each with the words that begin in it."""
    words = [replace(word, offset=word.offset + lead) for word in kept.words]
    step = round(CHUNK * kept.rate)
    for start in range(0, len(kept.samples), step):
        end = start + step
        over = end >= len(kept.samples)
        now = [word for word in words if over or word.start < end / kept.rate]
        words = words[len(now) :]
        yield SpeechChunk(kept.samples[start:end], tuple(now))
        await anyio.lowlevel.checkpoint()
