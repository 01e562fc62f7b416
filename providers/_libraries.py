"""Shared libraries mapped without holding up the interpreter.

An import that loads a library keeps every other thread, and so the event loop, waiting while the dynamic linker works:
6-19 ms for FFmpeg's, which come with faster-whisper. A call through ctypes does not, and what is already mapped costs
the import nothing. Importing faster-whisper then holds the loop up for 3-5 ms at most (measured on two cores).
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from pathlib import Path


def preload(*packages: str) -> None:
    """Map the libraries that the wheels of ``packages`` brought along. Call it in a worker's thread.

    Only on Linux, where wheels keep them in a folder beside the package; elsewhere, and for a package that is not
    installed, nothing happens.
    """
    if sys.platform != "linux":
        return
    process = ctypes.CDLL(None)
    process.dlopen.argtypes = [ctypes.c_char_p, ctypes.c_int]
    process.dlopen.restype = ctypes.c_void_p
    for package in packages:
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            folder = Path(spec.origin).parent
            for library in sorted(folder.with_name(f"{package}.libs").glob("*.so*")):
                process.dlopen(os.fsencode(library), os.RTLD_LAZY)
