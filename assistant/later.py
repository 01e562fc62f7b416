"""A provider that is still loading: opened by a task that owns it, awaited by whoever needs it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Generic, TypeVar

import anyio

T = TypeVar("T")


class Later(Generic[T]):
    """Holds what ``opened`` yields. `run` must be started in a task group whose end closes it."""

    def __init__(self, opened: AbstractAsyncContextManager[T]) -> None:
        self._opened = opened
        self._done = anyio.Event()
        self._value: T | None = None
        self._error: Exception | None = None

    async def run(self) -> None:
        """Open, hold until cancelled, close."""
        try:
            async with self._opened as value:
                self._value = value
                self._done.set()
                await anyio.sleep_forever()
        except Exception as error:
            if self._done.is_set():
                raise
            self._error = error  # whoever waits for it gets it: see `get`
            self._done.set()

    @property
    def value(self) -> T | None:
        """The value, once it is open."""
        return self._value

    async def get(self) -> T:
        """The value, as soon as it is open. Raises what opening it raised."""
        await self._done.wait()
        if self._error is not None:
            raise self._error
        assert self._value is not None
        return self._value


def ready(value: T) -> Later[T]:
    """A Later that already holds ``value``, owned by somebody else."""
    later = Later.__new__(Later)
    later._done, later._value, later._error = anyio.Event(), value, None
    later._done.set()
    return later
