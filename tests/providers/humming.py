"""A Piper voice that hums: the smallest model that has the inputs and the output of a real one.

Each phoneme is 512 samples of a tone whose pitch is the phoneme's number. The ONNX file is put together by hand (its
protobuf fields are those of onnx.proto3), so that no test needs a download or another package.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

RATE = 16_000
SAMPLES = 512
"""Of each phoneme."""
FLOAT, INT64 = 1, 7


def write(folder: Path, name: str = "xx_XX-hum-low", *, speakers: int = 1) -> Path:
    """The voice's two files; returns the model's path."""
    model = folder / f"{name}.onnx"
    model.write_bytes(_model())
    letters = "_^$ abcdefghijklmnopqrstuvwxyz.,?!'-0123456789"
    description = {
        "audio": {"sample_rate": RATE},
        "espeak": {"voice": "en-us"},
        "phoneme_type": "text",
        "num_symbols": 256,
        "num_speakers": speakers,
        "inference": {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8},
        "phoneme_id_map": {letter: [number] for number, letter in enumerate(letters)},
        "speaker_id_map": {},
    }
    model.with_name(f"{model.name}.json").write_text(json.dumps(description))
    return model


def _model() -> bytes:
    nodes = [
        _node("Cast", ["input"], "numbers", _message(1, b"to") + _number(3, FLOAT) + _number(20, 2)),
        _node("Reshape", ["numbers", "column"], "rows"),
        _node("Expand", ["rows", "wide"], "held"),
        _node("Reshape", ["held", "flat"], "line"),
        _node("Mul", ["line", "step"], "steps"),
        _node("CumSum", ["steps", "axis"], "phase"),
        _node("Sin", ["phase"], "output"),
    ]
    constants = [
        _tensor("column", np.array([1, -1, 1], np.int64)),
        _tensor("wide", np.array([1, 1, SAMPLES], np.int64)),
        _tensor("flat", np.array([1, 1, 1, -1], np.int64)),
        _tensor("step", np.array(0.01, np.float32)),
        _tensor("axis", np.array(3, np.int64)),
    ]
    inputs = [_value("input", INT64, 2), _value("input_lengths", INT64, 1), _value("scales", FLOAT, 1)]
    graph = b"".join(_message(1, node) for node in nodes) + _message(2, b"hum")
    graph += b"".join(_message(5, constant) for constant in constants)
    graph += b"".join(_message(11, value) for value in inputs) + _message(12, _value("output", FLOAT, 4))
    return _number(1, 8) + _message(7, graph) + _message(8, _number(2, 17))


def _node(kind: str, inputs: list[str], output: str, attribute: bytes = b"") -> bytes:
    node = b"".join(_message(1, name.encode()) for name in inputs) + _message(2, output.encode())
    return node + _message(4, kind.encode()) + (_message(5, attribute) if attribute else b"")


def _tensor(name: str, values: np.ndarray) -> bytes:
    kind = FLOAT if values.dtype == np.float32 else INT64
    dims = b"".join(_number(1, size) for size in values.shape)
    return dims + _number(2, kind) + _message(8, name.encode()) + _message(9, values.tobytes())


def _value(name: str, kind: int, dims: int) -> bytes:
    shape = b"".join(_message(1, _message(2, b"%s%d" % (name.encode(), number))) for number in range(dims))
    return _message(1, name.encode()) + _message(2, _message(1, _number(1, kind) + _message(2, shape)))


def _message(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += struct.pack("B", value & 0x7F | 0x80)
        value >>= 7
    return out + struct.pack("B", value)
