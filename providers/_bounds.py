"""How much of an HTTP answer may pile up in memory. The vendors' SDKs keep a line until it ends, however long it gets.

Sound is handed on as it comes and has no limit; everything else is counted: server-sent events by the event, all other
answers by the whole.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from providers._errors import Unreadable, scrubbed

LARGEST = 4 << 20
"""Bytes in one event, or in an answer that is no stream. The longest known is a list of models, 2 MB."""

_BLANK = (b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\r\n")
"""Ends of an event."""


class Counter:
    """Feed it what comes; raises Unreadable when more piles up than may."""

    def __init__(self, *, events: bool, largest: int = LARGEST) -> None:
        self._events = events
        self._largest = largest
        self._piled = 0
        self._tail = b""

    def feed(self, data: bytes) -> None:
        self._piled += len(data)
        if self._events:
            # The end of an event may be cut in two.
            seen = self._tail + data
            end = max(at + len(blank) if (at := seen.rfind(blank)) >= 0 else -1 for blank in _BLANK)
            if end > len(self._tail):
                self._piled = len(seen) - end
            self._tail = seen[-3:]
        if self._piled > self._largest:
            what = "one event" if self._events else "an answer"
            raise Unreadable(f"sent {what} of more than {self._largest >> 20} MB")


def bounding(httpx2: Any) -> Callable[[Any], Awaitable[None]]:
    """A hook for a client's responses: their bodies are counted as they are read.

    A compressed answer is refused, for a few bytes of it may be any number: ask for ``accept-encoding: identity``.
    """

    class Counted(httpx2.AsyncByteStream):  # type: ignore[misc]
        def __init__(self, stream: Any, counter: Counter) -> None:
            self._stream = stream
            self._counter = counter

        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for data in self._stream:
                self._counter.feed(data)
                yield data

        async def aclose(self) -> None:
            await self._stream.aclose()

    async def bound(response: Any) -> None:
        coding = response.headers.get("content-encoding", "identity")
        if coding.strip().lower() not in ("", "identity"):
            raise Unreadable(f"sent a compressed answer ({scrubbed(coding)}), which was not asked for")
        kind = response.headers.get("content-type", "")
        if not kind.startswith(("audio/", "application/octet-stream")):
            response.stream = Counted(response.stream, Counter(events=kind.startswith("text/event-stream")))

    return bound
