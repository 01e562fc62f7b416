"""Smart Turn: the probability that the user has finished, by the sound of the last eight seconds.

The network is Daily's Smart Turn v3.2 (BSD 2-Clause, https://huggingface.co/pipecat-ai/smart-turn-v3, 8.7 MB): input
``input_features``, float32 (1, 80, 800), the log-mel picture of 8 s with zeros in front of what is shorter; output a
probability already, shape (1, 1). It is not part of Parley. It is looked for in the Hugging Face cache and in an
installed pipecat-ai, which bundles it, and is else downloaded.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from assistant.ports import CAPTURE_RATE, ParleyError, ProviderError, ProviderUnavailable, Samples, TurnDetector
from providers._fetching import DownloadFailed, fetched
from providers._load import quietly
from providers._logmel import HOP, MELS, log_mel
from providers._models import DOWNLOAD_GAP, cache
from providers._onnx import session
from providers._options import Timeouts, read
from providers._worker import Worker

NAME = "smart-turn"
REPOSITORY = "pipecat-ai/smart-turn-v3"
FILE = "smart-turn-v3.2-cpu.onnx"
BUNDLED = Path("audio", "turn", "smart_turn", "data", FILE)
"""Where the wheel of pipecat-ai has it."""
SECONDS = 8
"""Of sound that the network sees."""
SHAPE = (1, MELS, SECONDS * CAPTURE_RATE // HOP)
LONGEST_DOWNLOAD = 600.0
"""Seconds for 9 MB. A conversation that began without it need not wait any longer."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    model: str = ""
    """Path of the ONNX file; empty: looked for, and else downloaded."""
    download: bool = True
    """Fetch the model when it is not on this machine."""
    timeouts: Timeouts = Timeouts()
    """Handed to every provider; only the download waits for a network, and has a limit of its own."""


@asynccontextmanager
async def turn_detector(options: Mapping[str, Any]) -> AsyncIterator[TurnDetector]:
    """Yield the detector, warm, with a thread of its own.

    Raises ParleyError for bad options, ProviderUnavailable when there is no model and none can be fetched.
    """
    settings = read(Options, options, NAME)
    path = _given(settings.model) if settings.model else found()
    if path is None:
        path = await _download(settings.download)
    worker = Worker(NAME)
    try:
        detector = SmartTurn(
            await quietly(lambda: session(path, provider=NAME, what="a Smart Turn model")), worker, str(path)
        )
        await detector.probability(np.zeros(CAPTURE_RATE, np.float32))  # the first run allocates
        yield detector
    finally:
        await worker.aclose()


class SmartTurn:
    """One conversation's detector. A question that comes while another is being answered takes its place."""

    name = NAME

    def __init__(self, session: Any, worker: Worker, path: str) -> None:
        self._session = session
        self._worker = worker
        self._path = path

    async def probability(self, samples: Samples) -> float:
        """See `assistant.ports.TurnDetector`."""
        last = samples[-SECONDS * CAPTURE_RATE :].copy()
        return await self._worker.run(self._judge, last)

    def _judge(self, samples: Samples) -> float:
        whole = np.zeros(SECONDS * CAPTURE_RATE, np.float32)
        whole[len(whole) - len(samples) :] = samples
        try:
            (answer,) = self._session.run(None, {"input_features": log_mel(whole)[np.newaxis]})
        except Exception as error:  # onnxruntime's exceptions have no common base but this
            raise ProviderError(
                f"{self._path} is no Smart Turn model ({type(error).__name__}); correct the option model or leave it "
                "out",
                provider=NAME,
            ) from error
        return min(1.0, max(0.0, float(np.asarray(answer).reshape(-1)[0])))


def found() -> Path | None:
    """The model's file on this machine: the newest snapshot in the Hugging Face cache, or pipecat-ai's own. Imports
    nothing of pipecat and touches no network."""
    folder = cache() / f"models--{REPOSITORY.replace('/', '--')}"
    try:
        snapshot = folder / "snapshots" / (folder / "refs" / "main").read_text().strip()
    except OSError:
        snapshot = folder
    if (snapshot / FILE).is_file():
        return snapshot / FILE
    spec = importlib.util.find_spec("pipecat")
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        if (Path(place) / BUNDLED).is_file():
            return Path(place) / BUNDLED
    return None


def would_download(options: Mapping[str, Any]) -> bool:
    """See `providers.registry.downloads`."""
    settings = read(Options, options, NAME)
    return not settings.model and found() is None


def _given(model: str) -> Path:
    path = Path(model).expanduser()
    if not path.is_file():
        raise ParleyError(f"{NAME}: there is no file {path}; correct the option model, or leave it out")
    return path


async def _download(allowed: bool) -> Path:
    why = "the option download forbids it"
    if allowed:
        try:
            return await fetched(
                "smart-turn", ["providers._download", REPOSITORY, FILE], gap=DOWNLOAD_GAP, longest=LONGEST_DOWNLOAD
            )
        except DownloadFailed as failed:
            why = str(failed)
    host = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    raise ProviderUnavailable(
        f"the Smart Turn model is not on this machine and was not downloaded from {host}: {why}; turns are ended "
        "without it. It is fetched at the next start, or comes with: pip install --no-deps pipecat-ai"
    )
