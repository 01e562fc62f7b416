"""Voiceprint: who speaks, as 256 numbers, by the voice encoder that the Resemblyzer wheel bundles.

The network is Resemblyzer's (Apache-2.0, https://github.com/resemble-ai/Resemblyzer, 1.4 million weights, after
"Generalized End-to-End Loss for Speaker Verification", Wan et al. 2018): the power in 40 mel bands each 10 ms, three
LSTM layers of 256, a rectified linear layer, length 1; 1.6 s at a time, whose answers are averaged. The weights are not
part of Parley: they are read from the installed package, which is never imported, so that neither torch nor librosa
is needed (``pip install --no-deps resemblyzer``).
"""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from assistant.ports import Embedding, ParleyError, ProviderUnavailable, Samples, SpeakerId
from providers import _torch_weights
from providers._load import quietly
from providers._logmel import HOP, LENGTH, filters, power
from providers._options import Timeouts, read
from providers._worker import Worker

NAME = "voiceprint"
PACKAGE = "resemblyzer"
FILE = "pretrained.pt"
ENTRY = "model_state"
"""Where in the file the weights are."""
BANDS, HIDDEN, LAYERS = 40, 256, 3
"""resemblyzer/hparams.py."""
PART = 160
"""Windows of 10 ms that the network was trained on at a time (resemblyzer/hparams.py, partials_n_frames)."""
STEP = 77
"""Windows from one part to the next (resemblyzer/voice_encoder.py, 1.3 parts a second)."""
COVERED = 0.75
"""Least share of the last part that holds sound (the same, min_coverage)."""
LEVEL = -30.0
"""dBFS to which softer sound is raised: the network sees power, not its logarithm (resemblyzer/hparams.py)."""
CHANCE = 0.69
"""Cosine of a second of speech at which it is as likely theirs as not; see docs/measurements.md (scripts/eval_speakers
fits 0.685)."""
SPREAD = 0.02
"""The same fit says 0.014, on clean recordings: what it concludes from is made a little scarcer."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    model: str = ""
    """Path of the weights; empty: those of the installed package."""
    timeouts: Timeouts = Timeouts()
    """Handed to every provider; nothing here waits for a network."""


@asynccontextmanager
async def speaker_id(options: Mapping[str, Any]) -> AsyncIterator[SpeakerId]:
    """Yield it, warm, with a thread of its own.

    Raises ParleyError for bad options, ProviderUnavailable when there are no weights.
    """
    settings = read(Options, options, NAME)
    path = _given(settings.model) if settings.model else weights_file()
    worker = Worker(NAME)
    try:
        yield Voiceprint(await quietly(lambda: Network(_weights(path))), worker)
    finally:
        await worker.aclose()


def _given(model: str) -> Path:
    path = Path(model).expanduser()
    if not path.is_file():
        raise ParleyError(f"{NAME}: there is no file {path}; correct the option model, or leave it out")
    return path


def weights_file() -> Path:
    """The file in the installed package, found without importing it. Raises ProviderUnavailable."""
    spec = importlib.util.find_spec(PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        if (Path(folder) / FILE).is_file():
            return Path(folder) / FILE
    raise ProviderUnavailable(
        f"{NAME} needs the voice encoder in the Python package 'Resemblyzer' (16 MB); install it, without all that it "
        "does not need here, with: pip install --no-deps resemblyzer"
    )


class Voiceprint:
    name = NAME
    model = "resemblyzer"
    chance = CHANCE
    spread = SPREAD

    def __init__(self, network: Network, worker: Worker) -> None:
        self._network = network
        self._worker = worker

    async def embedding(self, samples: Samples) -> Embedding:
        """See `assistant.ports.SpeakerId`. Some 25 ms a second of sound."""
        return await self._worker.run(self._network.embedding, samples.copy())


class Network:
    """The encoder in numpy. ``weights``: as Resemblyzer's model names them."""

    def __init__(self, weights: Mapping[str, NDArray[np.float32]]) -> None:
        self._layers = [
            (
                weights[f"lstm.weight_ih_l{n}"],
                weights[f"lstm.weight_hh_l{n}"],
                weights[f"lstm.bias_ih_l{n}"] + weights[f"lstm.bias_hh_l{n}"],
            )
            for n in range(LAYERS)
        ]
        self._out = weights["linear.weight"], weights["linear.bias"]

    def embedding(self, samples: Samples) -> Embedding:
        """Of at least one window of sound, shape (256,), length 1."""
        return normal(np.mean(self.encode(parts(bands(levelled(samples)))), axis=0))

    def encode(self, mels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Shape (parts, windows, BANDS) -> (parts, 256), each of length 1."""
        steps = np.ascontiguousarray(mels.transpose(1, 0, 2))
        for into, again, bias in self._layers:
            steps = _lstm(_times(steps, into) + bias, again)
        weight, bias = self._out
        return normal(np.maximum(_times(steps[-1], weight) + bias, 0.0))


def _times(rows: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """``rows @ weight.T`` without BLAS, whose threads spin as they wait for each other: beside a busy program these
    small products took 18 times the CPU (OpenBLAS, two cores)."""
    product: NDArray[np.float32] = np.einsum("...j,kj->...k", rows, weight)
    return product


def _lstm(driven: NDArray[np.float32], again: NDArray[np.float32]) -> NDArray[np.float32]:
    """One layer. ``driven``: what comes from below, (steps, n, 4 * HIDDEN), the gates in torch's order: in, forget,
    cell, out. Returns (steps, n, HIDDEN)."""
    count, n, _ = driven.shape
    out = np.empty((count, n, HIDDEN), np.float32)
    hidden = cell = np.zeros((n, HIDDEN), np.float32)
    for step in range(count):
        gates = driven[step] + _times(hidden, again)
        new = np.tanh(gates[:, 2 * HIDDEN : 3 * HIDDEN])
        # The logistic function, without the overflow of exp.
        gates *= 0.5
        np.tanh(gates, out=gates)
        gates += 1.0
        gates *= 0.5
        cell = gates[:, HIDDEN : 2 * HIDDEN] * cell + gates[:, :HIDDEN] * new
        hidden = out[step] = gates[:, 3 * HIDDEN :] * np.tanh(cell)
    return out


def levelled(samples: Samples) -> Samples:
    """Raised to LEVEL where it is softer."""
    rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0
    wanted = 10.0 ** (LEVEL / 20)
    return samples if rms >= wanted or rms < 1e-9 else samples * np.float32(wanted / rms)


def bands(samples: Samples) -> NDArray[np.float32]:
    """Power in mel bands, shape (1 + len // HOP, BANDS), as librosa's melspectrogram: windows centred, zeros around."""
    padded = np.pad(samples, LENGTH // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, LENGTH)[::HOP]
    return _times(power(windows), filters(BANDS))


def parts(mels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Overlapping stretches of PART windows, shape (n, PART, BANDS); one shorter than that stays as long as it is."""
    if len(mels) <= PART:
        return mels[np.newaxis]
    starts = [at for at in range(0, len(mels), STEP) if at == 0 or len(mels) - at >= COVERED * PART]
    padded = np.pad(mels, ((0, PART), (0, 0)))
    return np.stack([padded[at : at + PART] for at in starts])


def normal(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: NDArray[np.float32] = (vectors / np.maximum(length, 1e-9)).astype(np.float32, copy=False)
    return unit


def _weights(path: Path) -> Mapping[str, NDArray[np.float32]]:
    """Checked: a file of another network would fail later, and less plainly. Raises ProviderUnavailable."""
    wrong = f"{path} holds no voice encoder of Resemblyzer's"
    mend = "install it anew with: pip install --no-deps --force-reinstall resemblyzer"
    try:
        weights = _torch_weights.read(path, ENTRY)
    except (_torch_weights.BadWeights, OSError) as error:
        raise ProviderUnavailable(f"{wrong}: {error}; {mend}") from error
    shapes = {"linear.weight": (HIDDEN, HIDDEN), "linear.bias": (HIDDEN,)}
    for n in range(LAYERS):
        shapes |= {
            f"lstm.weight_ih_l{n}": (4 * HIDDEN, HIDDEN if n else BANDS),
            f"lstm.weight_hh_l{n}": (4 * HIDDEN, HIDDEN),
            f"lstm.bias_ih_l{n}": (4 * HIDDEN,),
            f"lstm.bias_hh_l{n}": (4 * HIDDEN,),
        }
    for name, shape in shapes.items():
        found = weights.get(name)
        if found is None or found.shape != shape or not np.isfinite(found).all():
            raise ProviderUnavailable(f"{wrong}: {name} is missing or of another size; {mend}")
    return {name: weights[name].astype(np.float32, copy=False) for name in shapes}
