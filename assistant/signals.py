"""What Ctrl+C and SIGTERM do while no event loop obeys them.

Both mean the same: end, with exit code 130. While there is nothing to clean up the process just exits. An exception
would not do there: raised inside an import it may be swallowed, or make the interpreter kill itself at its end (both
were seen, in 4 of 60 runs). Outside a process's main thread Python lets nobody set this, and nothing is done.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
EXIT_CODE = 130

Handlers = dict[signal.Signals, Any]


def exit_at_once() -> Handlers:
    """There is nothing to clean up, or no longer. Returns what they did before."""
    return _set(lambda *_: os._exit(EXIT_CODE))


def raise_interrupt() -> Handlers:
    """They raise KeyboardInterrupt: there are files or processes to clean up. Returns what they did before."""
    return _set(signal.default_int_handler)


def ignore() -> Handlers:
    """For a moment in which something is taken down that bears no interruption. Returns what they did before."""
    return _set(signal.SIG_IGN)


def restore(before: Handlers) -> None:
    for number, handler in before.items():
        signal.signal(number, handler)


def current() -> Handlers:
    return {number: signal.getsignal(number) for number in SIGNALS}


def _set(handler: Callable[[int, FrameType | None], object] | signal.Handlers) -> Handlers:
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.signal(number, handler) for number in SIGNALS}
