"""What the providers over HTTP share: addresses, the client, the clocks of one call, and closing in time."""

from __future__ import annotations

import contextlib
import importlib
import json
import urllib.parse
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeVar

import anyio

from assistant.ports import Message, ParleyError, ProviderError, Text
from providers._bounds import bounding
from providers._errors import from_body, translate
from providers._load import quietly
from providers._options import Timeouts
from providers._remote import CLOSING, WARMING

T = TypeVar("T")

GREETING = (Message("system", (Text("Be brief."),)), Message("user", (Text("Hello."),)))
"""What a rehearsal says."""
KEEPALIVE = 90.0
"""Seconds that an idle connection is kept for the next turn. The HTTP library's own 5 s is too short."""


_ENDPOINTS = ("/chat/completions", "/completions", "/responses", "/audio/transcriptions", "/audio/speech", "/models")


def address(base_url: str, provider: str, *, version: str = "/v1") -> str:
    """A base URL as the openai SDK wants it. One without a path gets ``version``; one with a path is used as it is.

    So ``http://127.0.0.1:8080``, ``127.0.0.1:8080``, ``http://127.0.0.1:8080/v1/`` and
    ``http://127.0.0.1:8080/v1/chat/completions`` all mean the same server. Raises ParleyError for no URL at all.
    """
    text = base_url.strip().rstrip("/")
    bare = "://" not in text
    if bare:
        text = f"http://{text}"
    try:
        parts = urllib.parse.urlsplit(text)
        host = parts.hostname or ""
        usable = parts.scheme in ("http", "https") and bool(host) and (parts.port or 0) >= 0
        # A lone word is a machine at home or in a container only where a port or "http://" says so.
        usable = usable and (not bare or "." in host or ":" in host or bool(parts.port) or host == "localhost")
    except ValueError:
        usable = False
    if not usable:
        raise ParleyError(
            f"{provider}: base_url is not an address; write one such as http://127.0.0.1:11434/v1 (http or https)"
        )
    path = parts.path
    for endpoint in _ENDPOINTS:
        path = path.removesuffix(endpoint)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc, path or version, parts.query, ""))


def client(timeouts: Timeouts) -> Any:
    """An ``httpx2.AsyncClient`` for a vendor's SDK. Loads certificates: call it in a worker thread (``quietly``).

    Only connecting and writing are on its clock; reading is on `Call`'s. What it reads is bounded.
    """
    httpx2 = importlib.import_module("httpx2")
    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(timeouts.first_byte, connect=timeouts.connect, read=None, pool=timeouts.connect),
        limits=httpx2.Limits(max_connections=20, max_keepalive_connections=10, keepalive_expiry=KEEPALIVE),
        follow_redirects=True,
        headers={"accept-encoding": "identity"},
        event_hooks={"response": [bounding(httpx2)]},
    )


def rehearse(replay: Callable[[Any], Awaitable[object]], body: bytes, content_type: str) -> None:
    """Walk ``replay(http_client)`` once through a canned reply, in memory. Call it in a worker thread (``quietly``).

    A vendor's SDK imports and builds much of itself at its first call (50-150 ms of the loop); this is that call.
    """
    httpx2 = importlib.import_module("httpx2")

    async def once() -> None:
        def answer(_: object) -> Any:
            return httpx2.Response(200, headers={"content-type": content_type}, content=body)

        async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as http:
            await replay(http)

    anyio.run(once)


async def warmed(
    work: Callable[[], T], *, request: Callable[[], Awaitable[object]], faults: tuple[type[Exception], ...]
) -> T:
    """Run ``work`` in a worker thread while ``request``, a cheap call, makes the connection for the first turn.

    The call's outcome does not matter, and it is waited for 1 s at most: what is wrong will be said when it is asked.
    """

    async def reach() -> None:
        with anyio.move_on_after(WARMING), contextlib.suppress(*faults):
            await request()

    failure: Exception | None = None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reach)
        try:
            result = await quietly(work)
        except Exception as error:  # raised again below, for a task group would wrap it
            failure = error
            tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure
    return result


async def close(response: Any) -> None:
    """Close an ``httpx2.Response`` within 100 ms, whatever is being cancelled around; else shut its socket down."""
    with anyio.move_on_after(CLOSING, shield=True) as scope:
        await response.aclose()
    if scope.cancelled_caught:
        stream = response.extensions.get("network_stream")
        socket = stream.get_extra_info("socket") if stream is not None else None
        if socket is not None:
            with contextlib.suppress(OSError):
                socket.shutdown(2)


@dataclass(frozen=True)
class Vendor:
    """What all calls to one server have in common."""

    client: Any
    """The SDK's async client."""
    http: Any
    """The ``httpx2.AsyncClient`` under it."""
    faults: tuple[type[Exception], ...]
    """What its calls may raise when the server, the network or the answer is at fault."""
    timeouts: Timeouts
    secrets: tuple[str, ...] = field(repr=False)

    async def __aenter__(self) -> Vendor:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.move_on_after(CLOSING, shield=True):
            await self.http.aclose()


def faults(sdk_error: type[Exception]) -> tuple[type[Exception], ...]:
    """``sdk_error`` (the SDK's base class) and what passes it by: HTTP and socket errors, bad JSON and UTF-8."""
    httpx2 = importlib.import_module("httpx2")
    return (
        sdk_error, httpx2.HTTPError, httpx2.StreamError, OSError, ValueError,
        anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError,
    )  # fmt: skip


class Call:
    """The clocks and the errors of one call to a provider.

    ``first_byte`` runs from the making of this object until `content` is told; then ``gap`` runs anew for each step.
    Every step is a cancel scope of its own, so that none is ever open while a generator is suspended at a yield.
    """

    def __init__(self, provider: str, vendor: Vendor) -> None:
        self.provider = provider
        self._vendor = vendor
        self._started = anyio.current_time()
        self._flowing = False

    def content(self) -> None:
        """Something of the answer itself has come."""
        self._flowing = True

    def error(self, clause: str) -> ProviderError:
        return ProviderError(f"{self.provider} {clause}", provider=self.provider)

    def failed(self, body: object) -> ProviderError:
        """The server put an error into a reply that had begun well."""
        return from_body(body, self.provider, self._vendor.secrets)

    async def step(self, wait: Callable[[], Awaitable[T]]) -> T:
        """Await ``wait()`` under the running clock. Raises ProviderError, chained to nothing that might hold a key."""
        timeouts = self._vendor.timeouts
        deadline = anyio.current_time() + timeouts.gap if self._flowing else self._started + timeouts.first_byte
        with anyio.CancelScope(deadline=deadline):
            try:
                return await wait()
            except self._vendor.faults as error:
                failure = translate(error, self.provider, timeouts, self._vendor.secrets)
            raise failure
        if self._flowing:
            raise ProviderError(f"{self.provider} fell silent for {timeouts.gap:g} s", provider=self.provider)
        raise ProviderError(f"{self.provider}: no first byte for {timeouts.first_byte:g} s", provider=self.provider)


OVER: Any = object()
"""The end of what is iterated."""


class Events:
    """A vendor SDK's stream of events, each awaited under the call's clocks. An async context manager and iterator.

    ``open`` makes the request and returns the SDK's AsyncStream. Leaving closes the response within 100 ms; after the
    answer's last event call `drain` first, so that the connection can be used again.
    """

    def __init__(self, call: Call, open: Callable[[], Awaitable[Any]]) -> None:
        self._call = call
        self._open = open
        self._stream: Any = None
        self._iterator: Any = None

    async def __aenter__(self) -> Events:
        self._stream = await self._call.step(self._open)
        self._iterator = aiter(self._stream)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await close(self._stream.response)

    @property
    def response(self) -> Any:
        """The ``httpx2.Response``: its headers have come, its body has not been read."""
        return self._stream.response

    def __aiter__(self) -> Events:
        return self

    async def __anext__(self) -> Any:
        event = await self._call.step(lambda: anext(self._iterator, OVER))
        if event is OVER:
            raise StopAsyncIteration
        return event

    async def body(self) -> bytes:
        """All of the body, for an answer that is no stream."""
        return bytes(await self._call.step(self._stream.response.aread))

    async def drain(self) -> None:
        """Read to the end of the body, for 100 ms at most."""
        with anyio.move_on_after(CLOSING), contextlib.suppress(ProviderError):
            async for _ in self:
                pass


class Body:
    """The bytes of an SDK's ``with_streaming_response`` call, as they come, under the call's clocks.

    An async context manager and iterator. Leaving closes the response within 100 ms.
    """

    def __init__(self, call: Call, make: Callable[[], Any]) -> None:
        self._call = call
        self._make = make
        self._response: Any = None
        self._iterator: Any = None

    async def __aenter__(self) -> Body:
        self._response = (await self._call.step(lambda: self._make().__aenter__())).http_response
        self._iterator = self._response.aiter_bytes()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await close(self._response)

    @property
    def response(self) -> Any:
        """The ``httpx2.Response``."""
        return self._response

    def __aiter__(self) -> Body:
        return self

    async def __anext__(self) -> bytes:
        piece = await self._call.step(lambda: anext(self._iterator, OVER))
        if piece is OVER:
            raise StopAsyncIteration
        return bytes(piece)

    async def all(self) -> bytes:
        """The whole body."""
        return bytes(await self._call.step(self._response.aread))


def arguments(given: object, call: Call) -> dict[str, Any]:
    """A tool call's arguments: JSON text from most, an object already from some servers, nothing for none."""
    if isinstance(given, str) and given.strip():
        try:
            given = json.loads(given)
        except ValueError:
            raise call.error("called a tool with arguments that cannot be read (malformed)") from None
    if not given:
        return {}
    if not isinstance(given, dict):
        raise call.error("called a tool with arguments that are no object (malformed)")
    return given


def sse(*events: dict[str, Any]) -> bytes:
    """Server-sent events, as these APIs write them."""
    return b"".join(b"event: %s\ndata: %s\n\n" % (e["type"].encode(), json.dumps(e).encode()) for e in events)
