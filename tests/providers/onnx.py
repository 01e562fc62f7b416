"""Models of a few operators, written as the bytes of an ONNX file: no network and no package is needed for one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FLOAT = 1


def mean_model(name: str, shape: Sequence[int]) -> bytes:
    """Input ``name`` of ``shape`` -> output "logits" (1, 1): the sigmoid of the input's mean."""
    nodes = [
        _node("ReduceMean", name, "mean"),
        _node("Sigmoid", "mean", "probability"),
        _node("Flatten", "probability", "logits"),
    ]
    graph = b"".join(_bytes(1, node) for node in nodes)
    graph += _text(2, "mean") + _bytes(11, _value(name, shape)) + _bytes(12, _value("logits", (1, 1)))
    opset = _text(1, "") + _number(2, 13)
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, opset)


def loudest_model(name: str = "feats", bands: int = 80) -> bytes:
    """Input ``name`` (1, frames, bands) -> output "embs" (1, bands): each band's highest value."""
    node = _node("ReduceMax", name, "embs") + _axes(1)
    return _open_model(node, name, (1, None, bands), "embs", (1, bands))


def voice_model(offset: NDArray[np.float32], weights: NDArray[np.float32]) -> bytes:
    """In the form of WeSpeaker's networks: input "feats" (B, T, bands) -> output "embs" (B, n).

    Each band's power over time, as its logarithm less ``offset`` (bands,), times ``weights`` (bands, n).
    """
    bands, size = weights.shape
    over_time = _axes(1)
    nodes = [
        _node("Mul", ("feats", "feats"), "squares"),
        _node("ReduceMean", "squares", "means") + over_time,
        _node("Add", ("means", "least"), "powers"),
        _node("Log", "powers", "logs"),
        _node("Sub", ("logs", "offset"), "centred"),
        _node("MatMul", ("centred", "weights"), "embs"),
    ]
    graph = b"".join(_bytes(1, node) for node in nodes) + _text(2, "voices")
    graph += _tensor("least", np.full(1, 1e-3, np.float32)) + _tensor("offset", offset) + _tensor("weights", weights)
    graph += _bytes(11, _value("feats", (None, None, bands))) + _bytes(12, _value("embs", (None, size)))
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _text(1, "") + _number(2, 13))


def same_model(name: str = "sound") -> bytes:
    """Input ``name`` (1, samples) -> output "embs", which is the same."""
    return _open_model(_node("Identity", name, "embs"), name, (1, None), "embs", (1, None))


def _open_model(
    node: bytes, name: str, shape: Sequence[int | None], given: str, given_shape: Sequence[int | None]
) -> bytes:
    """A model of one operator."""
    graph = _bytes(1, node) + _text(2, "one") + _bytes(11, _value(name, shape)) + _bytes(12, _value(given, given_shape))
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _text(1, "") + _number(2, 13))


def _node(operator: str, taken: str | Sequence[str], given: str) -> bytes:
    names = [taken] if isinstance(taken, str) else taken
    return b"".join(_text(1, name) for name in names) + _text(2, given) + _text(4, operator)


def _axes(axis: int) -> bytes:
    """The attributes of an operator that reduces that axis to nothing."""
    axes = _text(1, "axes") + _number(8, axis) + _number(20, 7)
    flat = _text(1, "keepdims") + _number(3, 0) + _number(20, 2)
    return _bytes(5, axes) + _bytes(5, flat)


def _tensor(name: str, values: NDArray[np.float32]) -> bytes:
    """An initializer of the graph."""
    dims = b"".join(_number(1, size) for size in values.shape)
    return _bytes(5, dims + _number(2, FLOAT) + _text(8, name) + _bytes(9, values.astype("<f4").tobytes()))


def _value(name: str, shape: Sequence[int | None]) -> bytes:
    """None: of any size."""
    dims = b"".join(_bytes(1, _text(2, "any") if size is None else _number(1, size)) for size in shape)
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, FLOAT) + _bytes(2, dims)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
