"""Any speaker network in ONNX form: who speaks, as numbers. Downloaded at the first use, or given as a file.

Its input tells what it takes: (1, frames, 80) is the log filterbank of `providers._fbank`, as WeSpeaker's networks do
("feats" -> "embs"; the names do not matter), and (1, samples) the sound itself. Its first output is the voice.

The default is WeSpeaker's ResNet34 (https://huggingface.co/Wespeaker/wespeaker-voxceleb-resnet34-LM, CC-BY-4.0, 26.5
MB, 256 numbers, trained on two seconds at a time). **It was never run here with a real model**, for none could be had:
a network of the tests' own, of the same form, goes all the way from download to gate. The rates of the real one, and
what its cosine means (`Options.chance`, ``spread``), are not known.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from assistant.ports import CAPTURE_RATE, Embedding, ParleyError, ProviderError, ProviderUnavailable, Samples, SpeakerId
from providers import _fbank
from providers._fetching import DownloadFailed, fetched
from providers._load import quietly
from providers._models import DOWNLOAD_GAP, cache
from providers._onnx import session
from providers._options import Timeouts, read
from providers._worker import Worker

NAME = "onnx"
DEFAULT = "Wespeaker/wespeaker-voxceleb-resnet34-LM/voxceleb_resnet34_LM.onnx"
LONGEST_DOWNLOAD = 600.0
"""Seconds."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    model: str = DEFAULT
    """The path of an ONNX file, or OWNER/REPOSITORY/FILE on the hub."""
    chance: float = 0.4
    """See `assistant.ports.SpeakerId`. A guess that suits networks trained with a margin."""
    spread: float = 0.06
    download: bool = True
    """Fetch the model when it is not on this machine."""
    gap: float = DOWNLOAD_GAP
    """Seconds without a byte after which a download is given up."""
    longest: float = LONGEST_DOWNLOAD
    """Seconds after which it is given up, whatever comes."""
    timeouts: Timeouts = Timeouts()
    """Handed to every provider; only the download waits for a network, and has limits of its own."""


@asynccontextmanager
async def speaker_id(options: Mapping[str, Any]) -> AsyncIterator[SpeakerId]:
    """Yield it, warm, with a thread of its own.

    Raises ParleyError for bad options, ProviderUnavailable when there is no model and none can be fetched.
    """
    settings = read(Options, options, NAME)
    path = found(settings.model) or await _download(settings)
    worker = Worker(NAME)
    try:
        speaker = OnnxSpeaker(
            await quietly(lambda: session(path, provider=NAME, what="a speaker network")), worker, settings, path
        )
        await speaker.embedding(np.zeros(CAPTURE_RATE, np.float32))  # the first run allocates
        yield speaker
    except ProviderError as error:
        raise ProviderUnavailable(str(error)) from error
    finally:
        await worker.aclose()


class OnnxSpeaker:
    name = NAME

    def __init__(self, session: Any, worker: Worker, settings: Options, path: Path) -> None:
        self.model = path.name
        self.chance = settings.chance
        self.spread = settings.spread
        self._session = session
        self._worker = worker
        self._path = path
        self._input = session.get_inputs()[0]

    async def embedding(self, samples: Samples) -> Embedding:
        """See `assistant.ports.SpeakerId`."""
        return await self._worker.run(self._embed, samples.copy())

    def _embed(self, samples: Samples) -> Embedding:
        samples = np.pad(samples, (0, max(0, _fbank.LENGTH - len(samples))))
        given = samples if len(self._input.shape) == 2 else _fbank.fbank(samples)
        try:
            vector = np.asarray(self._session.run(None, {self._input.name: given[np.newaxis]})[0], np.float32)
        except Exception as error:  # onnxruntime's exceptions have no common base but this
            raise ProviderError(
                f"{self._path} is no speaker network that is known here ({type(error).__name__}); name another file",
                provider=NAME,
            ) from error
        vector = vector.reshape(-1)
        if not np.isfinite(vector).all() or not len(vector):
            raise ProviderError(f"{self._path} gives no voice, but something else; name another file", provider=NAME)
        normal: Embedding = vector / max(1e-9, float(np.linalg.norm(vector)))
        return normal


def found(model: str) -> Path | None:
    """The file on this machine; None where it is to be downloaded. Raises ParleyError for what is neither."""
    path = Path(model).expanduser()
    if path.is_file():
        return path
    parts = model.split("/")
    if len(parts) != 3 or not all(parts) or not model.endswith(".onnx") or parts[0] in (".", "..", "~"):
        raise ParleyError(f"{NAME}: there is no file {model}; give the path of an ONNX file, or OWNER/REPOSITORY/FILE")
    folder = cache() / f"models--{parts[0]}--{parts[1]}"
    try:
        snapshot = folder / "snapshots" / (folder / "refs" / "main").read_text().strip()
    except OSError:
        return None
    here = snapshot.joinpath(*parts[2:])
    return here if here.is_file() else None


def would_download(options: Mapping[str, Any]) -> bool:
    """See `providers.registry.downloads`."""
    return found(read(Options, options, NAME).model) is None


async def _download(settings: Options) -> Path:
    owner, repository, file = settings.model.split("/", 2)
    why = "the option download forbids it"
    if settings.download:
        module = ["providers._download", f"{owner}/{repository}", file]
        try:
            return await fetched(file, module, gap=settings.gap, longest=settings.longest)
        except DownloadFailed as failed:
            why = str(failed)
    host = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    raise ProviderUnavailable(
        f"the speaker network {settings.model} is not on this machine and was not downloaded from {host}: {why}; try "
        "again, or name a file with the option model"
    )
