"""A recogniser's results on their way to whoever iterates them, who may come late or be cancelled meanwhile."""

from __future__ import annotations

from collections import deque

import anyio

from assistant.ports import ProviderError, Transcript


class Transcripts:
    """Tell from anywhere, iterate once."""

    def __init__(self) -> None:
        self._results: deque[Transcript | ProviderError] = deque()
        self._changed = anyio.Event()

    def tell(self, result: Transcript | ProviderError) -> None:
        """An error is the last, and stays: nothing comes after it."""
        self._results.append(result)
        self._changed.set()

    async def next(self) -> Transcript:
        """The next transcript, as soon as there is one. Raises the error that ended them."""
        while not self._results:
            self._changed = anyio.Event()
            await self._changed.wait()
        result = self._results[0]
        if isinstance(result, ProviderError):
            raise result
        self._results.popleft()
        return result
