"""A command that ends at once on Ctrl+C and SIGTERM, with everything closed, and exit code 130."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskStatus

from assistant import signals


def run(work: Callable[[], Awaitable[int]]) -> int:
    """Run ``work`` in an event loop and return its exit code. Raises what it raises."""
    before = signals.current()
    try:
        return anyio.run(_guarded, work)
    finally:
        signals.restore(before)


async def _guarded(work: Callable[[], Awaitable[int]]) -> int:
    code = signals.EXIT_CODE
    async with anyio.create_task_group() as group:
        scope = anyio.CancelScope()
        await group.start(_obey, scope)
        with scope:
            try:
                code = await work()
            except* BrokenPipeError:  # whoever read our output has gone
                code = 1
        group.cancel_scope.cancel()
    return code


async def _obey(scope: anyio.CancelScope, *, task_status: TaskStatus[None]) -> None:
    try:
        with anyio.open_signal_receiver(*signals.SIGNALS) as received:
            task_status.started()
            async for _ in received:
                scope.cancel()
    finally:
        signals.ignore()  # the loop is about to be closed
