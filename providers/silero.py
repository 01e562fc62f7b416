"""Silero voice activity detection: the speech probability of 32 ms of sound.

The network is the one in the ``silero-vad`` wheel (MIT, https://github.com/snakers4/silero-vad), version 5 or later:
512 new samples at 16 kHz behind the last 64 of the window before, and a recurrent state of shape (2, 1, 128).

Two runtimes give the same answer (within 0.01). ``onnx`` reads the wheel's ONNX file with onnxruntime and never
imports torch: it is ready in a tenth of the time and takes a fifth of the memory. ``torch`` runs the wheel's own
TorchScript model, for those who have torch loaded anyway.
"""

from __future__ import annotations

import importlib.util
import threading
import warnings
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import anyio.to_thread
import msgspec
import numpy as np

from assistant.ports import CAPTURE_RATE, FRAME, ParleyError, ProviderUnavailable, Samples, VoiceActivity
from providers._hush import Hush
from providers._options import Timeouts, read
from providers.registry import importable

CONTEXT = 64
"""Samples of the window before that the network sees again (silero-vad, OnnxWrapper)."""
STATE = (2, 1, 128)
"""Shape of the recurrent state (silero-vad, OnnxWrapper)."""
MODEL_FILES = ("silero_vad_16k_op15.onnx", "silero_vad.onnx")
"""In order of preference. The first has only the 16 kHz branch: same figures to the last bit, 9 MB less memory."""
LOUDEST = 2.25 * FRAME
"""Most energy a frame may hold: 3.5 dB over a full-scale square wave. Unscaled int16 is far above it."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    runtime: Literal["onnx", "torch"] = "onnx"
    model: str = ""
    """Path of another Silero ONNX file; empty: the one in the silero-vad wheel. Only for the runtime "onnx"."""
    every_frame: bool = False
    """Ask the network about the room's own noise too (see `providers._hush`)."""
    timeouts: Timeouts = Timeouts()
    """Handed to every provider; nothing here waits for a network."""


@asynccontextmanager
async def voice_activity(options: Mapping[str, Any]) -> AsyncIterator[VoiceActivity]:
    """Yield a warm detector for one stream of sound. The network itself is loaded once a process and shared.

    Raises ParleyError for bad options, ProviderUnavailable when the package or its model file is missing.
    """
    settings = read(Options, options, "silero")
    if settings.runtime == "torch":
        if settings.model:
            raise ParleyError("silero: model is an ONNX file; set runtime to 'onnx', or leave model out")
        network: VoiceActivity = await anyio.to_thread.run_sync(TorchVoiceActivity)
    else:
        # Loading takes 50 ms: not in the loop.
        network = await anyio.to_thread.run_sync(OnnxVoiceActivity, settings.model)
    yield network if settings.every_frame else Hush(network)


def model_file() -> Path:
    """The ONNX file in the installed silero-vad wheel, found without importing it (that would import torch)."""
    spec = importlib.util.find_spec("silero_vad")
    if spec is None or spec.origin is None:
        raise ProviderUnavailable(
            "silero needs the Python package 'silero-vad'; install it with: pip install silero-vad"
        )
    folder = Path(spec.origin).parent / "data"
    for name in MODEL_FILES:
        if (folder / name).is_file():
            return folder / name
    raise ProviderUnavailable(
        f"there is no Silero model in {folder}; install it with: pip install -U 'silero-vad>=6.2'"
    )


_sessions: dict[Path, Any] = {}
_loading = threading.Lock()


def _session(path: Path) -> Any:
    """The process's one InferenceSession of this file. It keeps nothing between runs: the state is the caller's."""
    with _loading:
        if path not in _sessions:
            if not path.is_file():
                raise ProviderUnavailable(
                    f"there is no Silero model at {path}; correct the option model or leave it out"
                )
            ort = importable("onnxruntime", provider="silero", extra="local")
            options = ort.SessionOptions()
            # A second thread makes it no quicker, only dearer (0.4 % of a core becomes 0.8 %).
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
            options.add_session_config_entry("session.inter_op.allow_spinning", "0")
            options.enable_cpu_mem_arena = False  # its tensors are small: an arena only holds memory
            options.log_severity_level = 3
            try:
                _sessions[path] = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            except Exception as error:  # onnxruntime's exceptions have no common base but this
                raise ProviderUnavailable(
                    f"{path} cannot be loaded as a Silero model ({type(error).__name__}); name another file or none"
                ) from error
        return _sessions[path]


class OnnxVoiceActivity:
    """One stream's state over the shared network.

    All tensors are bound once: a call copies 576 samples and runs. The state goes back and forth between two buffers.
    """

    name = "silero"

    def __init__(self, model: str = "") -> None:
        """``model`` is the path of an ONNX file; empty: the wheel's own."""
        path = Path(model).expanduser() if model else model_file()
        ort = importable("onnxruntime", provider="silero", extra="local")
        session = _session(path)
        self._run = session.run_with_iobinding
        self._window = np.zeros((1, CONTEXT + FRAME), np.float32)
        self._context = self._window[0, :CONTEXT]
        self._last = self._window[0, -CONTEXT:]
        self._new = self._window[0, CONTEXT:]
        self._states = (np.zeros(STATE, np.float32), np.zeros(STATE, np.float32))
        self._output = np.zeros((1, 1), np.float32)
        # On the CPU an OrtValue made from an array is that array's memory, and keeps it alive.
        value = ort.OrtValue.ortvalue_from_numpy
        window, output, states = value(self._window), value(self._output), [value(state) for state in self._states]
        rate = value(np.array(CAPTURE_RATE, np.int64))
        probability, state_out = (node.name for node in session.get_outputs())
        self._there, self._back = session.io_binding(), session.io_binding()
        for binding, before, after in ((self._there, *states), (self._back, *reversed(states))):
            binding.bind_ortvalue_input("input", window)
            binding.bind_ortvalue_input("state", before)
            binding.bind_ortvalue_input("sr", rate)
            binding.bind_ortvalue_output(probability, output)
            binding.bind_ortvalue_output(state_out, after)
        self.probability(np.zeros(FRAME, np.float32))  # the first run allocates
        self.reset()

    def probability(self, samples: Samples) -> float:
        """Speech probability of the next FRAME samples. Raises ValueError if they are not float32 in [-1, 1]."""
        _check(samples)
        self._context[:] = self._last
        self._new[:] = samples
        self._run(self._there)
        self._there, self._back = self._back, self._there
        return float(self._output[0, 0])

    def reset(self) -> None:
        self._window.fill(0.0)
        for state in self._states:
            state.fill(0.0)


class TorchVoiceActivity:
    """One stream on the wheel's TorchScript model, on one thread."""

    name = "silero"

    def __init__(self) -> None:
        silero_vad = importable("silero_vad", provider="silero with runtime 'torch'", extra="local")
        self._torch = importable("torch", provider="silero with runtime 'torch'", extra="local")
        self._torch.set_num_threads(1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit, which the wheel's model needs
            self._model = silero_vad.load_silero_vad(onnx=False)  # each stream its own: the model holds the state
        self._window = self._torch.zeros(1, FRAME)
        self._samples = self._window.numpy()[0]
        self.probability(np.zeros(FRAME, np.float32))
        self.reset()

    def probability(self, samples: Samples) -> float:
        """Speech probability of the next FRAME samples. Raises ValueError if they are not float32 in [-1, 1]."""
        _check(samples)
        self._samples[:] = samples
        with self._torch.inference_mode():
            return float(self._model(self._window, CAPTURE_RATE))

    def reset(self) -> None:
        self._model.reset_states()


def _check(samples: Samples) -> None:
    """Under a microsecond. Silero itself takes unscaled or undefined samples silently, and a NaN stays in its state."""
    if samples.dtype != np.float32 or samples.shape != (FRAME,):
        raise ValueError(f"a frame is {FRAME} samples of float32, not {samples.shape} of {samples.dtype}")
    if not np.dot(samples, samples) <= LOUDEST:
        raise ValueError("the samples of a frame must lie in [-1, 1]; these are unscaled integers, or not numbers")
