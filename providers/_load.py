"""Heavy work beside the running loop: imports and first calls of vendor packages, without stalling it.

A vendor's SDK takes 0.4-1 s to import and holds the interpreter in bursts. Two things made those bursts long (measured
on two cores, openai 3.52 and anthropic 2.11): full garbage collections over a growing heap (16 and 38 ms), and the 5 ms
which another thread must wait before it may ask for the interpreter. With both out of the way the loop's worst stall is
4-7 ms.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

from anyio import to_thread

T = TypeVar("T")

_SWITCH = 1e-4
"""Seconds between offers of the interpreter to other threads while something heavy runs. Python's own is 5e-3."""

_lock = threading.Lock()
_running = 0
_switch_before = 5e-3
_gc_before = True
_modules_before = 0


def _begin() -> None:
    global _running, _switch_before, _gc_before, _modules_before
    with _lock:
        if _running == 0:
            _switch_before, _gc_before = sys.getswitchinterval(), gc.isenabled()
            _modules_before = len(sys.modules)
            sys.setswitchinterval(_SWITCH)
            gc.disable()
        _running += 1


def _end() -> None:
    global _running
    with _lock:
        _running -= 1
        if _running == 0:
            # What an import leaves behind lives as long as the process: later collections need not look at it again.
            # Only then: what is frozen is never collected, be it a connection that happened to be open just now.
            if len(sys.modules) > _modules_before:
                gc.freeze()
            sys.setswitchinterval(_switch_before)
            if _gc_before:
                gc.enable()


async def quietly(work: Callable[[], T]) -> T:
    """Run ``work`` in a worker thread, with the garbage collector off and the interpreter handed over often.

    Returns its result or raises what it raised. Cancelling abandons the thread to finish by itself.
    """

    def job() -> T:
        _begin()
        try:
            return work()
        finally:
            _end()

    return await to_thread.run_sync(job, abandon_on_cancel=True)
