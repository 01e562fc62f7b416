"""A voice that is a tone, as long and as late as its options say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import anyio
import msgspec
import numpy as np

from assistant.ports import Samples, SpeechChunk, SpokenWord, SynthesizerAbilities
from providers._options import Timeouts, read
from providers.registry import Options
from providers.scripted.faults import Fault, Faults


class VoiceOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    delay: float = 0.0
    """Seconds from the text to the first sound."""
    chunk: float = 0.2
    """Seconds of sound in a chunk."""
    every: float = 0.02
    """Seconds between chunks."""
    word: float = 0.1
    """Seconds of sound a word."""
    breath: float = 0.0
    """Seconds of silence before the first word of each text."""
    word_times: bool = True
    streams_text: bool = False
    faults: tuple[Fault, ...] = ()
    name: str = "scripted"
    model: str = ""
    voice: str = ""
    speed: float = 1.0
    timeouts: Timeouts = Timeouts()


@asynccontextmanager
async def synthesizer(options: Options) -> AsyncIterator[ScriptedVoice]:
    yield ScriptedVoice(read(VoiceOptions, options, "scripted tts"))


def abilities(options: VoiceOptions) -> SynthesizerAbilities:
    return SynthesizerAbilities(word_times=options.word_times, streams_text=options.streams_text)


class ScriptedVoice:
    """A tone, one stretch a word, never silent: wherever it is heard it can be measured."""

    rate = 24_000

    def __init__(self, options: VoiceOptions) -> None:
        self.name = options.name
        self.abilities = abilities(options)
        self._options = options
        self._faults = Faults(options.faults, options.name)

    async def speak(self, text: str) -> AsyncIterator[SpeechChunk]:
        options = self._options
        started = anyio.current_time()
        cut = await self._faults.begin()
        words = [replace(word, start=word.start + options.breath) for word in self._words(text, 0, 0)]
        sound = tone(len(words) * options.word, self.rate)
        if options.breath:
            sound = np.concatenate([np.zeros(round(options.breath * self.rate), np.float32), sound])
        step = max(1, int(options.chunk * self.rate))
        for index, offset in enumerate(range(0, len(sound), step)):
            await anyio.sleep_until(started + options.delay + index * options.every)
            if index >= cut:
                raise self._faults.cut()
            start, end = offset / self.rate, (offset + step) / self.rate
            now = tuple(word for word in words if start <= word.start < end) if options.word_times else ()
            yield SpeechChunk(sound[offset : offset + step], now)

    async def stream(self, text: AsyncIterator[str]) -> AsyncIterator[SpeechChunk]:
        """Speaks each word ``delay`` seconds after it came."""
        options = self._options
        cut = await self._faults.begin()
        said, told = "", 0
        async for more in text:
            arrived = anyio.current_time()
            words = self._words(more, len(said), told)
            said += more
            await anyio.sleep_until(arrived + options.delay if told == 0 else arrived)
            if told >= cut:
                raise self._faults.cut()
            told += len(words)
            yield SpeechChunk(tone(len(words) * options.word, self.rate), tuple(words) if options.word_times else ())

    def _words(self, text: str, offset: int, before: int) -> list[SpokenWord]:
        """``offset`` characters and ``before`` words came before this text."""
        found: list[SpokenWord] = []
        at = 0
        for word in text.split():
            at = text.index(word, at)
            found.append(SpokenWord((before + len(found)) * self._options.word, offset + at, len(word)))
            at += len(word)
        return found


_TONES: dict[tuple[float, int], Samples] = {}


def tone(seconds: float, rate: int) -> Samples:
    """440 Hz with a 5 Hz swell, about -15 dBFS; made once for each length."""
    key = (round(seconds, 4), rate)
    if key not in _TONES:
        t = np.arange(round(seconds * rate), dtype=np.float32) / rate
        swell = 0.65 + 0.35 * np.sin(2 * np.pi * 5 * t)
        _TONES[key] = (0.27 * swell * np.sin(2 * np.pi * 440 * t + 0.5)).astype(np.float32)
    return _TONES[key]
