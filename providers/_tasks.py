"""A task group inside a context manager, for providers that own background work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskGroup


@asynccontextmanager
async def owned_tasks() -> AsyncIterator[TaskGroup]:
    """A task group that is cancelled on leaving, and lets what the body raises out as it is, in no exception group."""
    failure: Exception | None = None
    async with anyio.create_task_group() as tasks:
        try:
            yield tasks
        except Exception as error:  # raised again below
            failure = error
        tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure
