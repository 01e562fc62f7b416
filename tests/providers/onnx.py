"""A model of three operators, written as the bytes of an ONNX file: no network and no package is needed for one."""

from __future__ import annotations

from collections.abc import Sequence

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


def _node(operator: str, taken: str, given: str) -> bytes:
    return _text(1, taken) + _text(2, given) + _text(4, operator)


def _value(name: str, shape: Sequence[int]) -> bytes:
    dims = b"".join(_bytes(1, _number(1, size)) for size in shape)
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
