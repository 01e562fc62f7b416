"""Real time, at a slower pace: for whole conversations on asyncio with nothing but sockets and scripted parts in them.

A busy machine lets a loop wait for tens of milliseconds, and what lies that close together then happens in another
order. Where the loop's clock goes at half the speed, the machine may be twice as busy. It is asyncio still, with real
sockets and every time limit, as long as nobody asks another clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio

T = TypeVar("T")


class SlowLoop(asyncio.SelectorEventLoop):
    """``slower``: seconds of the wall for each second of the loop."""

    def __init__(self, slower: float) -> None:
        self._slower = slower
        super().__init__()

    def time(self) -> float:
        return super().time() / self._slower


def run_slowly(slower: float, what: Callable[..., Awaitable[T]], *args: Any) -> T:
    """Like `anyio.run` on asyncio."""
    return anyio.run(what, *args, backend_options={"loop_factory": lambda: SlowLoop(slower)})
