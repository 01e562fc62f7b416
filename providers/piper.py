"""Piper: neural voices on this machine, faster than real time on a CPU.

A voice is a model file with its description beside it, in a folder of Parley's own cache, where it is downloaded once.
piper-tts is GPL-3.0, and optional: nothing of it is imported before this provider is opened.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import msgspec
import platformdirs

from assistant.ports import ParleyError, ProviderError, ProviderUnavailable, SpeechChunk, SynthesizerAbilities
from providers._card import Card, Cards, VoiceInfo
from providers._fetching import DownloadFailed, fetched
from providers._models import DOWNLOAD_GAP
from providers._options import Timeouts, read
from providers._piper_voices import KNOWN, MEGABYTES
from providers._worker import Feed, Worker
from providers.registry import importable

NAME = "piper"
DEFAULT = "en_US-lessac-medium"
DESCRIPTION = 100_000
"""Bytes that a voice's description never has, and a model always: nobody waits for less."""
_VOICE = re.compile(r"[a-z]{2,3}_[A-Z]{2,3}-\w+-(x_low|low|medium|high)", re.ASCII)


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    voice: str = DEFAULT
    """A name such as ``de_DE-thorsten-medium``, or the path of a voice's .onnx file."""
    model: str = ""
    """The same as ``voice``: what follows the colon in ``piper:de_DE-thorsten-medium``."""
    speed: Annotated[float, msgspec.Meta(ge=0.25, le=4)] = 1.0
    volume: Annotated[float, msgspec.Meta(ge=0, le=2)] = 1.0
    speaker: int | None = None
    """Which one, of a voice that has several."""
    download_gap: float = DOWNLOAD_GAP
    """Seconds without a byte after which a voice's download is given up."""
    timeouts: Timeouts = Timeouts()


@asynccontextmanager
async def synthesizer(options: Mapping[str, Any]) -> AsyncIterator[Piper]:
    """Find (or download), load and warm up the voice. Raises ParleyError, ProviderUnavailable."""
    settings = read(Options, options, NAME)
    worker = Worker(NAME)
    try:
        await worker.run(_piper)
        path = await resolve(settings.model or settings.voice, gap=settings.download_gap)
        voice = await worker.run(_load, path, settings)
        yield Piper(settings, voice, worker)
    finally:
        await worker.aclose()


def would_download(options: Mapping[str, Any]) -> bool:
    """The voice is not on this machine. Raises ParleyError for wrong options."""
    settings = read(Options, options, NAME)
    return _place(settings.model or settings.voice) is None


async def voices(options: Mapping[str, Any]) -> Sequence[VoiceInfo]:
    """The voices on this machine, and those known to be published; nobody is asked. Raises ParleyError."""
    read(Options, options, NAME)
    here = {path.stem for path in cache().glob("*.onnx") if _VOICE.fullmatch(path.stem)}
    return [_told(voice, voice in here) for voice in [*sorted(here), *(voice for voice in KNOWN if voice not in here)]]


def _told(voice: str, here: bool) -> VoiceInfo:
    language, _, quality = voice.split("-")
    place = "on this machine" if here else f"about {MEGABYTES[quality]} MB to fetch"
    return VoiceInfo(voice, language=language.replace("_", "-"), description=place)


class Piper:
    """A Synthesizer."""

    name = NAME
    abilities = SynthesizerAbilities()

    def __init__(self, settings: Options, voice: Any, worker: Worker) -> None:
        self.rate = int(voice.config.sample_rate)
        self._settings = settings
        self._voice = voice
        self._worker = worker

    async def speak(self, text: str) -> AsyncIterator[SpeechChunk]:
        """A sentence at a time. Cancelled, the sentence under way is computed to its end, and nobody waits for it."""
        if not any(map(str.isalnum, text)):
            return
        feed: Feed[SpeechChunk] = self._worker.feed(
            partial(_synthesize, self._worker, self._voice, self._settings, text)
        )
        try:
            async for chunk in feed:
                yield chunk
        finally:
            feed.abandon()


CARDS: Cards = {
    "tts": Card(
        Piper.abilities,
        model=DEFAULT,
        package="piper",
        extra="piper",
        rates=(22_050, 16_000),
        voices=(DEFAULT,),
        real=False,
        megabytes=MEGABYTES["medium"],
        model_is_voice=True,
    )
}


# --- from a name to a file --------------------------------------------------------------------------------------------


def cache() -> Path:
    """Where voices are kept."""
    return platformdirs.user_cache_path("parley") / "piper"


async def resolve(voice: str, *, gap: float = DOWNLOAD_GAP) -> Path:
    """The model file of ``voice``: a path, or a name, which is looked up in the cache and downloaded when it is not
    there. Raises ParleyError for a wrong one, ProviderUnavailable when it cannot be downloaded."""
    return _place(voice) or await _download(voice, gap)


def _place(voice: str) -> Path | None:
    """Where the voice is; None for one that is still to be downloaded."""
    if voice.endswith(".onnx"):
        path = Path(voice).expanduser()
        if not path.is_file():
            raise ParleyError(f"{NAME}: there is no voice {voice}; give the path of a voice's .onnx file, or a name")
        return _described(path)
    if not _VOICE.fullmatch(voice):
        raise ParleyError(
            f"{NAME}: {voice!r} is no voice; write a name such as {DEFAULT} (language, voice, quality), "
            "or the path of a voice's .onnx file"
        )
    path = cache() / f"{voice}.onnx"
    return _described(path) if path.is_file() else None


def _described(path: Path) -> Path:
    if not path.with_name(f"{path.name}.json").is_file():
        raise ParleyError(f"{NAME}: {path} has no description; put the voice's {path.name}.json beside it")
    return path


async def _download(voice: str, gap: float) -> Path:
    module = ["providers._piper_download", voice, str(cache())]
    try:
        return await fetched(voice, module, gap=gap, smallest=DESCRIPTION)
    except DownloadFailed as failed:
        raise _unavailable(voice, str(failed).replace("no such model", "no such voice")) from None


def _unavailable(voice: str, why: str) -> ProviderUnavailable:
    host = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    return ProviderUnavailable(
        f"{NAME}: the voice {voice!r} is not on this machine and cannot be downloaded from {host}: {why}; check the "
        "network and try again (it goes on where it stopped), or give the path of a voice's .onnx file"
    )


# --- from here on: only in the worker's thread -----------------------------------------------------------------------


def _load(path: Path, settings: Options) -> Any:
    """Load, and speak once: the first sentence takes twice as long."""
    try:
        voice = _piper().PiperVoice.load(path, download_dir=cache())
        speakers = int(voice.config.num_speakers)
        if settings.speaker is not None and not 0 <= settings.speaker < max(1, speakers):
            raise ParleyError(f"{NAME}: the voice {path.stem} has {speakers} speakers; choose 0 to {speakers - 1}")
        for _ in voice.synthesize("Hi.", _config(voice, settings)):
            pass
    except _faults(OSError, ValueError, KeyError, TypeError) as error:
        raise ParleyError(f"{NAME}: the voice in {path} cannot be used: {_why(error)}") from error
    return voice


def _config(voice: Any, settings: Options) -> Any:
    scale = float(voice.config.length_scale) / settings.speed
    return _piper().SynthesisConfig(speaker_id=settings.speaker, length_scale=scale, volume=settings.volume)


def _synthesize(worker: Worker, voice: Any, settings: Options, text: str, put: Callable[[SpeechChunk], None]) -> None:
    # "[[" begins phonemes in Piper's own notation; a text is only ever text.
    plain = text.replace("[[", "[ [").replace("]]", "] ]").replace("\0", " ").encode("utf-8", "replace").decode()
    try:
        for chunk in voice.synthesize(plain, _config(voice, settings)):
            if worker.abandoned:
                return
            put(SpeechChunk(chunk.audio_float_array))
    except _faults(ValueError) as error:
        raise ProviderError(f"synthesis failed: {_why(error)}", provider=NAME) from error


def _piper() -> Any:
    return importable("piper", provider=NAME, extra="piper")


def _faults(*others: type[Exception]) -> tuple[type[Exception], ...]:
    """``others``, and what onnxruntime raises: classes without a base of their own."""
    raised = importable("onnxruntime.capi.onnxruntime_pybind11_state", provider=NAME, extra="piper")
    kinds = (kind for kind in vars(raised).values() if isinstance(kind, type) and issubclass(kind, Exception))
    return (RuntimeError, *kinds, *others)


def _why(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
