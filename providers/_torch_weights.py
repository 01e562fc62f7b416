"""The weights in a file of ``torch.save``'s first format (before 1.6), read without torch.

Such a file is a row of pickles and then the numbers: a magic number, a version, what the machine was like, the saved
object with its tensors as references, the list of the storages, and each storage as an int64 count and its raw bytes
(torch/serialization.py, ``_legacy_save``). A pickle may call anything; this one may only name tensors and storages.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

MAGIC = 0x1950A86A20F9469CFC6C
"""torch/serialization.py, MAGIC_NUMBER."""
VERSION = 1001
"""torch/serialization.py, PROTOCOL_VERSION."""
STORAGES = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8"}


class BadWeights(Exception):
    """Why, as a clause."""


def read(path: Path, entry: str) -> dict[str, NDArray[Any]]:
    """The tensors under the key ``entry`` of the dict that was saved, by their names. Raises BadWeights, OSError."""
    with path.open("rb") as file:
        try:
            if _Unpickler(file).load() != MAGIC or _Unpickler(file).load() != VERSION:
                raise BadWeights("it is not of torch's first format")
            _Unpickler(file).load()  # what the machine was like
            references = _Unpickler(file)
            saved = references.load()[entry]
            storages = _storages(file, _Unpickler(file).load(), references.kinds)
            return {name: _array(tensor, storages) for name, tensor in saved.items() if isinstance(tensor, _Tensor)}
        except (BadWeights, OSError):
            raise
        except Exception as error:  # a damaged pickle may raise anything
            raise BadWeights(f"it cannot be read ({type(error).__name__})") from error


@dataclass(frozen=True, slots=True)
class _Tensor:
    storage: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    """In elements."""


class _Unpickler(pickle.Unpickler):
    """Builds references and plain objects, and calls nothing else."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self.kinds: dict[str, str] = {}
        """What each storage holds, of those that were named."""

    def find_class(self, module: str, name: str) -> Any:
        if module == "collections" and name == "OrderedDict":
            return OrderedDict
        if module == "torch._utils" and name == "_rebuild_tensor_v2":
            return _rebuilt
        if module == "torch" and name in STORAGES:
            return name
        raise BadWeights(f"it wants {module}.{name}, which no weights need")

    def persistent_load(self, reference: Any) -> str:
        what, kind, key = reference[:3]
        if what != "storage":
            raise BadWeights("it holds more than weights")
        self.kinds[str(key)] = STORAGES[kind]
        return str(key)


def _rebuilt(storage: str, offset: int, shape: Any, strides: Any, *_: Any) -> _Tensor:
    return _Tensor(storage, int(offset), tuple(shape), tuple(strides))


def _storages(file: IO[bytes], keys: Any, kinds: dict[str, str]) -> dict[str, NDArray[Any]]:
    """Those that follow, in the order of ``keys``."""
    found = {}
    for key in map(str, keys):
        count = int.from_bytes(file.read(8), "little", signed=True)
        size = count * np.dtype(kinds[key]).itemsize
        data = file.read(size)
        if count < 0 or len(data) != size:
            raise BadWeights("its end is missing")
        found[key] = np.frombuffer(data, kinds[key])
    return found


def _array(tensor: _Tensor, storages: dict[str, NDArray[Any]]) -> NDArray[Any]:
    flat = storages[tensor.storage]
    last = tensor.offset + sum((n - 1) * step for n, step in zip(tensor.shape, tensor.strides, strict=True))
    if min((tensor.offset, *tensor.strides)) < 0 or last >= len(flat):
        raise BadWeights("a tensor lies outside of its numbers")
    steps = [step * flat.itemsize for step in tensor.strides]
    return np.lib.stride_tricks.as_strided(flat[tensor.offset :], tensor.shape, steps, writeable=False).copy()
