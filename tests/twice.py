"""A wrapper by a third party, which knows nothing of Parley but `providers/_wrapping.py`: it says everything twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

WRAPS = {"llm": ("whom",)}


@asynccontextmanager
async def model(options: Mapping[str, Any]) -> AsyncIterator[Any]:
    async with options["open"](options["whom"]) as inner:
        yield Twice(inner)


class Twice:
    def __init__(self, inner: Any) -> None:
        self.name = "twice"
        self.abilities = inner.abilities
        self._inner = inner

    async def reply(self, messages: Any, tools: Any = ()) -> AsyncIterator[Any]:
        for _ in range(2):
            async for delta in self._inner.reply(messages):
                yield delta
