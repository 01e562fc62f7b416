"""espeak-ng in this process: 0.2 ms to the first sound, exact word times, a hundred languages, no network.

The library has one global state, so all instances share one worker thread. It calls back with 60 ms of sound at a
time; returning 1 from that call ends the synthesis, which is how a reply is cancelled. The C interface is that of
espeak-ng 1.52, ``speak_lib.h``.
"""

from __future__ import annotations

import atexit
import ctypes
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np

from assistant.conversation.history import SpokenWord
from assistant.ports import ParleyError, ProviderUnavailable, SpeechChunk, SynthesizerAbilities
from providers._options import Timeouts, read
from providers._worker import Feed, Worker
from providers.registry import importable

NAME = "espeak-ng"
RATE = 22_050
"""Hz, fixed in the library."""
NORMAL_SPEED = 175
"""Words a minute: espeak's own default."""

_SYNCHRONOUS = 2  # sound goes to the callback, and only there
_BUFFER_MS = 40
_DONT_EXIT = 0x8000  # an error at initialising is returned; otherwise it ends the process
_BY_CHARACTER = 1
_UTF8 = 1  # and neither SSML (0x10) nor phonemes (0x100): markup is read out, it commands nothing
_PARAMETERS = {"rate": 1, "volume": 2, "pitch": 3}
_LIST_END, _WORD = 0, 1
_LONGEST_PATH = 140
"""Characters. A longer data path overflows or is cut in the library's buffer (160 bytes on most platforms)."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
"""Espeak reads \\x01 as the start of a command, and ends at \\x00."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    voice: str = "en-us"
    """A language ("en-us", "de"), perhaps with a variant ("en-us+f3"); ``voices()`` lists the languages."""
    speed: Annotated[float, msgspec.Meta(ge=0.5, le=2.5)] = 1.0
    pitch: Annotated[int, msgspec.Meta(ge=0, le=99)] = 50
    volume: Annotated[float, msgspec.Meta(ge=0, le=2)] = 1.0
    model: str = ""
    """The same as ``voice``: what follows the colon in ``espeak-ng:de``."""
    timeouts: Timeouts = Timeouts()


@dataclass(frozen=True, slots=True)
class Voice:
    name: str
    """What the option ``voice`` takes."""
    description: str


@asynccontextmanager
async def synthesizer(options: Mapping[str, Any]) -> AsyncIterator[Espeak]:
    """Open the voice. Raises ParleyError for one that does not exist, ProviderUnavailable without the library."""
    settings = read(Options, options, NAME)
    async with _worker() as worker:
        await worker.run(_check_voice, settings.model or settings.voice)
        yield Espeak(settings, worker)


async def voices() -> list[Voice]:
    """All languages that espeak-ng speaks."""
    async with _worker() as worker:
        return await worker.run(_list_voices)


class Espeak:
    """A Synthesizer."""

    name = NAME
    rate = RATE
    abilities = SynthesizerAbilities(word_times=True)

    def __init__(self, settings: Options, worker: Worker) -> None:
        self._settings = settings
        self._worker = worker

    async def speak(self, text: str) -> AsyncIterator[SpeechChunk]:
        """60 ms of sound at a time, the first after a fraction of a millisecond."""
        if not text.strip():
            return
        feed: Feed[SpeechChunk] = self._worker.feed(partial(_synthesize, self._worker, self._settings, text))
        try:
            async for chunk in feed:
                yield chunk
        finally:
            feed.abandon()


# --- the worker that all instances share -----------------------------------------------------------------------------

_shared: tuple[Worker, int] | None = None


@asynccontextmanager
async def _worker() -> AsyncIterator[Worker]:
    global _shared
    worker, users = _shared or (Worker(NAME), 0)
    _shared = worker, users + 1
    try:
        await worker.run(_library)
        yield worker
    finally:
        worker, users = _shared
        _shared = (worker, users - 1) if users > 1 else None
        if _shared is None:
            await worker.aclose()


# --- from here on: only in the worker's thread -----------------------------------------------------------------------


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),  # characters, from 1
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # ms
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


class _Voice(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),  # a byte of priority before the code
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("unused", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    ]


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)  # 0: go on, 1: end
_loaded: ctypes.CDLL | None = None


def _library() -> ctypes.CDLL:
    """The library, initialised once for the life of the process."""
    global _loaded
    if _loaded is not None:
        return _loaded
    loader = importable("espeakng_loader", provider=NAME, extra="espeak")
    try:
        library = ctypes.CDLL(loader.get_library_path())
    except OSError as error:
        raise ProviderUnavailable(
            f"{NAME}: its library cannot be loaded ({error}); reinstall the package espeakng-loader"
        ) from error
    library.espeak_Synth.argtypes = [
        ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p,
        ctypes.c_void_p,
    ]  # fmt: skip
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
    data = Path(loader.get_data_path())
    if len(str(data)) > _LONGEST_PATH:
        link = Path(tempfile.mkdtemp(prefix="parley-")) / data.name
        atexit.register(shutil.rmtree, link.parent, ignore_errors=True)
        link.symlink_to(data)
        data = link
    if library.espeak_Initialize(_SYNCHRONOUS, _BUFFER_MS, str(data).encode(), _DONT_EXIT) != RATE:
        raise ProviderUnavailable(f"{NAME}: its data in {data} cannot be used; reinstall the package espeakng-loader")
    _loaded = library
    return library


def _check_voice(voice: str) -> None:
    base, _, variant = voice.partition("+")
    if not base or _library().espeak_SetVoiceByName(base.encode()) != 0:
        some = ", ".join(known.name for known in _list_voices() if len(known.name) == 2)
        raise ParleyError(f"{NAME}: there is no voice {voice!r}; there are, among others, en-us, en-gb, {some}")
    if variant and variant not in _variants():
        raise ParleyError(f"{NAME}: there is no variant {variant!r}; choose one of {', '.join(_variants())}")


def _list_voices() -> list[Voice]:
    found: dict[str, Voice] = {}
    pointers = _library().espeak_ListVoices(None)
    index = 0
    while pointers[index]:
        voice = pointers[index].contents
        name = voice.languages[1:].decode()
        found.setdefault(name, Voice(name, voice.name.decode()))
        index += 1
    return sorted(found.values(), key=lambda voice: voice.name)


def _variants() -> list[str]:
    """Espeak itself takes any variant, and speaks as if none had been asked for."""
    folder = Path(importable("espeakng_loader", provider=NAME, extra="espeak").get_data_path()) / "voices" / "!v"
    return sorted(path.name for path in folder.iterdir())


def _synthesize(worker: Worker, settings: Options, text: str, put: Callable[[SpeechChunk], None]) -> None:
    library = _library()
    words = _Words(text)

    def heard(sound: Any, count: int, events: Any) -> int:
        if worker.abandoned:
            return 1
        told: list[SpokenWord] = []
        index = 0
        while events[index].type != _LIST_END:
            event = events[index]
            if event.type == _WORD:
                told += words.begins(event.text_position - 1, event.sample / RATE)
            index += 1
        if count > 0 or told:
            samples = np.ctypeslib.as_array(sound, (count,)) if count > 0 else np.empty(0, np.int16)
            put(SpeechChunk(samples.astype(np.float32) / np.float32(32768), tuple(told)))
        return 0

    callback = _Callback(heard)
    library.espeak_SetSynthCallback(callback)
    library.espeak_SetVoiceByName((settings.model or settings.voice).encode())
    for name, value in {
        "rate": round(NORMAL_SPEED * settings.speed),
        "volume": round(100 * settings.volume),
        "pitch": settings.pitch,
    }.items():
        library.espeak_SetParameter(_PARAMETERS[name], value, 0)
    spoken = _CONTROL.sub(" ", text).encode("utf-8", "replace")
    library.espeak_Synth(spoken, len(spoken) + 1, 0, _BY_CHARACTER, 0, _UTF8, None, None)
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
