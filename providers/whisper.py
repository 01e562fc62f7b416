"""Whisper on this machine, through faster-whisper and CTranslate2.

The model is loaded, warmed up and run on its own worker thread; `_batch` makes it stream, `_models` finds it.
Settings are those for short turns: greedy, one temperature, no text carried over, no timestamps, no VAD of its own.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from assistant.conversation.events import Invention, Sureness, Word
from assistant.conversation.invented import misheard
from assistant.ports import CAPTURE_RATE, ParleyError, ProviderError, Samples, TranscriberAbilities
from providers import _cuda, _models
from providers._batch import BatchTranscriber, Heard
from providers._card import Card, Cards
from providers._language import primary
from providers._libraries import preload
from providers._models import SHIPPED
from providers._options import Timeouts, read
from providers._worker import Worker
from providers.registry import importable

__all__ = ["SHIPPED", "Options", "transcriber"]

NAME = "faster-whisper"
log = logging.getLogger("parley")


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    model: str = "base.en"
    """A name (tiny ... large-v3, turbo, distil-...), ``owner/repository``, the directory of a CTranslate2 model, or
    what it is for: realtime | streaming | batch | accurate. ``parley-rough`` and ``parley-accurate`` are test models
    that come with Parley: they know some 220 phrases of synthesised voices and are of no use with a real one."""
    language: str = "auto"
    """A code such as "en" or "de"; "auto" listens for it in every utterance."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    compute_type: str = "auto"
    """int8 on the CPU, float16 on CUDA; or any that CTranslate2 knows."""
    cpu_threads: int = 0
    """0: all cores but one, four at most."""
    beam_size: int = 1
    hotwords: str = ""
    """Names and terms to expect, separated by spaces."""
    partials: bool = True
    word_times: bool = False
    translate: bool = False
    """Write English, whatever is spoken. Models for English alone cannot."""
    download_gap: float = _models.DOWNLOAD_GAP
    """Seconds without a byte after which a model's download is given up."""
    timeouts: Timeouts = Timeouts()


@asynccontextmanager
async def transcriber(options: Mapping[str, Any]) -> AsyncIterator[BatchTranscriber]:
    """Find (or download), load and warm up the model. Raises ParleyError, ProviderUnavailable."""
    settings = read(Options, options, NAME)
    worker = Worker(NAME)
    try:
        await worker.run(preload, "av", "ctranslate2")
        await worker.run(importable, "faster_whisper", provider=NAME, extra="whisper")
        directory = await _models.resolve(
            settings.model, language=primary(settings.language), gap=settings.download_gap
        )
        model = await worker.run(_Model, directory, settings, worker)

        async def decode(samples: Samples, *, optional: bool) -> Heard:
            return await (worker.offer if optional else worker.submit)(model.decode, samples).result()

        abilities = TranscriberAbilities(
            partials=settings.partials, word_times=settings.word_times, languages=model.languages, generative=True
        )
        transcriber = BatchTranscriber(decode, name=NAME, abilities=abilities)
        await transcriber.decode(np.zeros(CAPTURE_RATE, np.float32), optional=False)  # how long it takes when warm
        yield transcriber
    finally:
        await worker.aclose()


def would_download(options: Mapping[str, Any]) -> bool:
    """The model is not on this machine. Raises ParleyError for wrong options."""
    settings = read(Options, options, NAME)
    return not _models.is_here(settings.model, language=primary(settings.language))


CARDS: Cards = {
    "stt": Card(
        TranscriberAbilities(partials=True, languages=("en",), generative=True),
        model=Options().model,
        package="faster_whisper",
        extra="whisper",
        rates=(CAPTURE_RATE,),
        real=False,
        note="the engine runs here with Parley's own test model; models without .en hear 100 languages",
        megabytes=145,
    )
}


class _Model:
    """A loaded model. Made and used in the worker's thread only."""

    def __init__(self, directory: Path, settings: Options, worker: Worker) -> None:
        self._settings = settings
        self._worker = worker
        self._model = self._load(directory)
        self.languages = tuple(self._model.supported_languages)
        language = primary(settings.language)
        if language is not None and language not in self.languages:
            raise ParleyError(
                f"{NAME}: the model {settings.model!r} does not know the language {settings.language!r}, only "
                f"{_some(self.languages)}; choose one of them or another model"
            )
        if settings.translate and len(self.languages) == 1:
            raise ParleyError(
                f"{NAME}: the model {settings.model!r} knows English alone and cannot translate; try 'base'"
            )
        self._language = self.languages[0] if len(self.languages) == 1 else language

    def _load(self, directory: Path) -> Any:
        import ctranslate2

        settings = self._settings
        card = ctranslate2.get_cuda_device_count() > 0
        cuda = settings.device == "cuda" or (settings.device == "auto" and card)
        if cuda and card and (absent := _cuda.missing()):
            log.warning("%s: the graphics card cannot be used: %s; going on with the CPU", NAME, absent)
        elif cuda:
            try:
                return self._open(directory, "cuda", settings.compute_type.replace("auto", "float16"))
            except (RuntimeError, ValueError) as error:  # no card, no driver, too little memory
                log.warning("%s: CUDA cannot be used (%s); going on with the CPU", NAME, _first_line(error))
        try:
            return self._open(directory, "cpu", "int8" if cuda else settings.compute_type.replace("auto", "int8"))
        except (RuntimeError, ValueError) as error:
            raise ParleyError(f"{NAME}: the model in {directory} cannot be used: {_first_line(error)}") from error

    def _open(self, directory: Path, device: str, compute_type: str) -> Any:
        """Load, and decode once: libraries that are missing on a GPU are missed only then."""
        from faster_whisper import WhisperModel

        threads = self._settings.cpu_threads or max(1, min(4, (os.cpu_count() or 2) - 1))
        model = WhisperModel(
            str(directory), device=device, compute_type=compute_type, cpu_threads=threads, local_files_only=True
        )
        segments, _ = model.transcribe(np.zeros(CAPTURE_RATE, np.float32), language="en", beam_size=1, temperature=0.0)
        list(segments)
        return model

    def decode(self, samples: Samples) -> Heard:
        settings = self._settings
        try:
            segments, info = self._model.transcribe(
                samples,
                language=self._language,
                task="translate" if settings.translate else "transcribe",
                beam_size=settings.beam_size,
                temperature=0.0,  # one value: no second and third attempt while the user waits
                condition_on_previous_text=False,
                without_timestamps=not settings.word_times,
                word_timestamps=settings.word_times,
                vad_filter=False,
                hotwords=settings.hotwords or None,
                no_speech_threshold=None,  # what is left out here would be left out unseen
            )
            kept, dropped = [], []
            for segment in segments:  # decodes as it goes
                if self._worker.abandoned:
                    break
                why = misheard(segment.text, _sureness([segment]))
                if why is None:
                    kept.append(segment)
                else:
                    dropped.append((segment.text, why))
        except (RuntimeError, ValueError) as error:
            raise ProviderError(f"decoding failed: {_first_line(error)}", provider=NAME) from error
        text = "".join(segment.text for segment in kept).strip()
        if not text and dropped:
            nothing = Invention("".join(text for text, _ in dropped).strip(), dropped[0][1])
            return Heard("", info.language, invention=nothing)
        words = tuple(Word(w.word.strip(), float(w.start), float(w.end)) for s in kept for w in s.words or ())
        return Heard(text, info.language, words, _sureness(kept))


def _sureness(segments: Sequence[Any]) -> Sureness | None:
    """Of all of them: the mean of their tokens, and the likeliest speech."""
    tokens = sum(len(segment.tokens) + 1 for segment in segments)  # the end counts, in the decoder's own mean too
    if not tokens:
        return None
    total = sum(segment.avg_logprob * (len(segment.tokens) + 1) for segment in segments)
    return Sureness(total / tokens, min(segment.no_speech_prob for segment in segments))


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
