"""What C libraries write to stderr about sound devices, kept off the terminal.

PortAudio, ALSA and JACK report every failed attempt there, from threads of their own, while Parley follows a lost
device and tells what matters itself. To point file descriptor 2 elsewhere would silence Parley too. They write through
C's own `stderr` variable, Python does not: so that variable is what is changed. Only the GNU C library allows it.
"""

from __future__ import annotations

import ctypes
import logging
import platform
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

_lock = threading.Lock()
_depth = 0
_before: int | None = None


@contextmanager
def quiet() -> Iterator[None]:
    """Silence them, unless logging is at DEBUG (--verbose). May be nested, and used by several threads."""
    global _depth, _before
    if not possible() or logging.getLogger().isEnabledFor(logging.DEBUG):
        yield
        return
    variable, nowhere = _variables()
    with _lock:
        if _depth == 0:
            _before, variable.value = variable.value, nowhere
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                variable.value = _before


@cache
def possible() -> bool:
    return sys.platform == "linux" and platform.libc_ver()[0] == "glibc"


@cache
def _variables() -> tuple[ctypes.c_void_p, int]:
    """C's `stderr`, as every library of this process sees it, and a FILE* that refuses to be written to, which takes
    less time than to write to nowhere. Never closed."""
    process = ctypes.CDLL(None)
    process.fopen.restype = ctypes.c_void_p
    return ctypes.c_void_p.in_dll(process, "stderr"), process.fopen(b"/dev/null", b"r")
