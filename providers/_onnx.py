"""A small network in ONNX's form, on one thread of its caller's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from assistant.ports import ProviderUnavailable
from providers.registry import importable


def session(path: Path, *, provider: str, what: str) -> Any:
    """An ``onnxruntime.InferenceSession`` on the CPU. Call it in a worker thread: it imports and loads.

    It computes in the thread that calls it and spins in none. Raises ProviderUnavailable for a missing package, or a
    file that is no such network (``what`` it should have been).
    """
    ort = importable("onnxruntime", provider=provider, extra="local")
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions have no common base but this
        raise ProviderUnavailable(
            f"{path} cannot be loaded as {what} ({type(error).__name__}); name another file or none"
        ) from error
