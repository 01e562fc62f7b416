"""What the contract suite must know of a provider, and of the server that plays its vendor.

Each vendor has a small module in ``tests/contract/subjects`` with a list ``SUBJECTS``; `table` finds them all.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np

from tests.servers.compatible import SOUND
from tests.servers.openai import HEARD, TEXT

Stage = Literal["stt", "llm", "tts"]
Wire = Literal["http", "websocket"]

KEY = "sk-live-DISTINCTIVE-0123456789-KEY"
"""The subjects' key. It must never be seen."""


class Playing(Protocol):
    """A local server that speaks a vendor's protocol. `tests.servers.wire.Server` is the one for HTTP."""

    key: str
    """The key it is called with; quoted in the error that rejects it, as vendors do."""
    fault: Any
    """In force from now on, for calls and not for warming up; None: all is well."""
    hold: asyncio.Event | None
    """When set: it sends all but its last piece, and that one once the event is set."""
    asked: asyncio.Event
    """It has been called."""
    disconnected: asyncio.Event
    """A client went away before its answer was complete."""
    left_at: float | None
    """When that was, on the loop's clock."""
    connections: int
    """Made to it so far."""
    host: str
    """As ``url`` names it; it listens on the loopback whatever is written here."""
    tls: ssl.SSLContext | None
    """Set before it listens: it speaks TLS, and its ``url`` says so."""

    @property
    def url(self) -> str: ...
    @property
    def calls(self) -> int:
        """Times it has been asked for something so far."""
        ...

    async def settle(self) -> None:
        """Wait until connections that a new fault has cut are known to be cut."""
        ...

    async def listen(self) -> None: ...
    async def stop(self) -> None:
        """Refuse connections from now on, and hang up on everybody, until `listen`, which keeps the port."""
        ...

    async def __aenter__(self) -> Any: ...
    async def __aexit__(self, *_: object) -> None: ...


def _where(server: Playing) -> dict[str, Any]:
    return {"base_url": server.url, "api_key": server.key}


def _all_said(pieces: Sequence[Any]) -> bool:
    return "".join(pieces) == TEXT


def _all_heard(pieces: Sequence[Any]) -> bool:
    return "".join(pieces) == HEARD


def _all_spoken(pieces: Sequence[Any]) -> bool:
    return bool(pieces) and np.array_equal(np.concatenate(pieces), SOUND.astype(np.float32) / 32768)


_WHOLE: dict[Stage, Callable[[Sequence[Any]], bool]] = {"llm": _all_said, "stt": _all_heard, "tts": _all_spoken}


@dataclass(frozen=True)
class Subject:
    """One stage of a provider, and the server that plays its vendor."""

    stage: Stage
    name: str
    """The provider's."""
    server: Callable[[], Any]
    """Makes a `Playing`."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Beside those of ``where`` and the timeouts."""
    where: Callable[[Any], Mapping[str, Any]] = _where
    """Server -> the options that lead to it, with its key."""
    whole: Callable[[Sequence[Any]], bool] | None = None
    """Are these pieces all that the server had to give? They are the texts of deltas (llm) or of final transcripts
    (stt), or samples (tts). None: the text, the transcript or the sound that the servers here share."""
    expected: Mapping[str, str] = field(default_factory=dict)
    """Fault -> what its error must say, or "n/a: why", where it differs from what the table says of all."""
    wire: Wire = "http"
    secrets: tuple[str, ...] = (KEY,)
    """What nothing may ever show."""
    told: Callable[[Any], Mapping[str, Any]] | None = None
    """What the last call told the server: {"language": code or None, "rate": Hz}, of those that its API takes.
    Needed for ears and voices."""
    reuses: bool = True
    """One connection serves all calls, and is there before the first."""
    variant: str = ""
    """Tells two subjects of one provider and stage apart."""

    @property
    def id(self) -> str:
        return f"{self.stage}:{self.name}{self.variant and ' '}{self.variant}"

    def complete(self, pieces: Sequence[Any]) -> bool:
        return (self.whole or _WHOLE[self.stage])(pieces)
