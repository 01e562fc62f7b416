"""A voice that keeps what it has said, and makes ahead what will surely be said while nobody speaks."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import numpy as np
from anyio.abc import TaskGroup

from assistant.ports import SpeechChunk, SpokenWord, StreamingSynthesizer, Synthesizer, SynthesizerAbilities
from providers._calls import closing, keeps_time, paced
from providers._speech_store import FORMAT, Recording, SpeechStore

log = logging.getLogger("parley")

CHUNK = 0.25
"""Seconds of kept sound handed over at a time: converting more to the loudspeaker's rate would hold others up."""
IDLE = 3.0
"""Seconds without a call before anything is made ahead."""
ATTEMPTS = 3
"""Times that a text is made ahead, should real calls come in between."""


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
