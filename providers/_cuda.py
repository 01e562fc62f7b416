"""NVIDIA's libraries for CTranslate2: found where pip puts them, and missed with a sentence instead of a crash.

CTranslate2 looks cuBLAS and cuDNN up by name when it first computes. A missing cuBLAS raises; a missing cuDNN, which
versions up to 4.6 need, ends the process at once (SYSTRAN/faster-whisper#1182). Linux only: elsewhere they are either
there or not part of the wheel.
"""

from __future__ import annotations

import ctypes
import importlib.util
import mmap
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Library:
    mark: bytes
    """What a program that looks it up has in it."""
    name: str
    folder: str
    """In the package ``nvidia``."""
    package: str


LIBRARIES = (
    Library(b"libcublas.so.12", "libcublas.so.12", "cublas", "nvidia-cublas-cu12"),
    Library(b"libcudnn", "libcudnn.so.9", "cudnn", "'nvidia-cudnn-cu12==9.*'"),
)


def missing() -> str:
    """What CTranslate2 needs for CUDA and cannot load, as a clause with what to do; "" when all is there.

    What is found is loaded, so that CTranslate2 finds it too. Blocks for some 50 ms.
    """
    if sys.platform != "linux":
        return ""
    return lacking(_wheel_libraries("ctranslate2"), _load)


def lacking(program: Sequence[Path], load: Callable[[Library], bool]) -> str:
    """The same for the files of ``program``; ``load`` says whether a library is there."""
    absent = [each for each in LIBRARIES if any(_holds(file, each.mark) for file in program) and not load(each)]
    if not absent:
        return ""
    names = " and ".join(each.name for each in absent)
    return f"{names} cannot be found; install with: pip install {' '.join(each.package for each in absent)}"


def _wheel_libraries(package: str) -> list[Path]:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return []
    return sorted(Path(spec.origin).parent.with_name(f"{package}.libs").glob(f"lib{package}*.so*"))


def _holds(file: Path, mark: bytes) -> bool:
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(mark) >= 0


def _load(library: Library) -> bool:
    return any(_loads(place) for place in (library.name, *_installed(library)))


def _installed(library: Library) -> list[str]:
    spec = importlib.util.find_spec("nvidia")
    folders = spec.submodule_search_locations if spec is not None else None
    return [str(Path(folder) / library.folder / "lib" / library.name) for folder in folders or ()]


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
    except OSError:
        return False
    return True
