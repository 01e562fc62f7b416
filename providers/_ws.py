"""What the providers over WebSocket share: addresses, one connection, and what its ends mean.

Made on `websockets`, whose client answers pings by itself. Nothing here reconnects in the middle of a call: a
connection that breaks is a failure, and the chain goes on with the next provider.
"""

from __future__ import annotations

import importlib
import json
import logging
import ssl
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import anyio

from assistant.ports import ParleyError, ProviderError
from providers._errors import Rejected, scrubbed, translate, unreachable
from providers._load import quietly
from providers._options import Timeouts
from providers._remote import CLOSING

T = TypeVar("T")
Message = str | bytes | Mapping[str, Any]
"""What is sent: text, binary, or a document that goes as JSON text."""

LARGEST = 4 << 20
"""Bytes in one message, at most. A second of 48 kHz sound in base64 is 0.13 MB."""
QUEUE = 64
"""Messages that wait to be read before the server is held back."""

_CLOSED: dict[int, tuple[str, bool]] = {
    1000: ("closed the connection", False),
    1001: ("went away", False),
    1007: ("found something unreadable in what was sent", False),
    1008: ("closed the connection (policy violation)", False),
    1009: ("found a message too large", False),
    1011: ("failed inside", False),
    1012: ("is restarting", False),
    1013: ("is overloaded", False),
}
"""RFC 6455, section 7.4.1, and the registry of later codes: what the server did; whether asking again is of no use."""


@dataclass(frozen=True)
class Server:
    """A vendor's WebSocket."""

    provider: str
    url: str
    timeouts: Timeouts
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    closes: Mapping[int, tuple[str, bool]] = field(default_factory=dict, repr=False)
    """The vendor's own close codes, as in the table above."""


def address(base_url: str, path: str, provider: str, query: Mapping[str, Any] | None = None) -> str:
    """``base_url`` (http, https, ws or wss; without a scheme: ws) with ``path`` behind its own and ``query``.

    Values of the query that are lists are repeated, None and "" are left out, booleans are "true" and "false".
    Raises ParleyError for no URL at all.
    """
    text = base_url.strip().rstrip("/")
    if "://" not in text:
        text = f"ws://{text}"
    try:
        parts = urllib.parse.urlsplit(text)
        usable = parts.scheme in ("http", "https", "ws", "wss") and bool(parts.hostname) and (parts.port or 0) >= 0
    except ValueError:
        usable = False
    if not usable:
        raise ParleyError(f"{provider}: base_url is not an address; write one such as wss://api.example.com")
    pairs = [
        (name, str(each).lower() if isinstance(each, bool) else str(each))
        for name, value in (query or {}).items()
        for each in (value if isinstance(value, list | tuple) else (value,))
        if each is not None and each != ""
    ]
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    return urllib.parse.urlunsplit((scheme, parts.netloc, parts.path + path, urllib.parse.urlencode(pairs), ""))


class Socket:
    """One open connection. Whoever holds it must see that it is closed: see `providers._lines`."""

    def __init__(self, server: Server, connection: Any) -> None:
        self._server = server
        self._connection = connection
        self.alive = 0
        """How often it was kept alive while nobody used it: some servers count that as sound."""
        self.since = anyio.current_time()

    @property
    def is_open(self) -> bool:
        return bool(self._connection.state.name == "OPEN")

    @property
    def hung_up(self) -> bool:
        """The server has closed it, and in order."""
        return self._connection.close_code in (1000, 1001, 1005)

    async def send(self, message: Message) -> None:
        """Raises ProviderError when the connection is over, or the server takes nothing."""
        data = message if isinstance(message, str | bytes) else json.dumps(message, ensure_ascii=False)
        who, gap = self._server.provider, self._server.timeouts.gap
        try:
            with anyio.fail_after(gap):
                await self._connection.send(data)
        except TimeoutError:
            failure = ProviderError(f"{who} took nothing for {gap:g} s", provider=who)
        except Exception as error:
            failure = explain(error, self._server)
        else:
            return
        raise failure

    async def receive(self) -> Any:
        """The next message: the document that a text message holds, or the bytes of a binary one.

        May be cancelled without losing anything. Raises ProviderError when the connection is over, or the message is
        no JSON or too large.
        """
        failure: ProviderError
        try:
            message = await self._connection.recv()
            return message if isinstance(message, bytes) else json.loads(message)
        except Exception as error:
            failure = explain(error, self._server)
        raise failure

    async def close(self, *last: Message) -> None:
        """Say ``last`` and close, within 100 ms whatever is being cancelled around; else cut the connection."""
        with anyio.move_on_after(CLOSING, shield=True), suppress(Exception):
            for message in last:
                await self.send(message)
            await self._connection.close()
        if self._connection.transport is not None:
            self._connection.transport.abort()


class Dialler:
    """Connects to one server. The first time costs 30-80 ms of imports and certificates, spent beside the loop."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._client: Any = None
        self._tls: ssl.SSLContext | None = None

    async def dial(self) -> Socket:
        """Connect, within the timeout. Raises ProviderError, chained to nothing that might hold a key."""
        if self._client is None:
            self._client, self._tls = await quietly(self._load)
        return await _dial(self._server, self._client, self._tls)

    def _load(self) -> tuple[Any, ssl.SSLContext | None]:
        tls = ssl.create_default_context() if self._server.url.startswith("wss:") else None
        return importlib.import_module("websockets.asyncio.client"), tls


async def _dial(server: Server, client: Any, tls: ssl.SSLContext | None) -> Socket:
    failure: ProviderError
    try:
        with anyio.fail_after(server.timeouts.connect):
            connection = await client.connect(
                server.url,
                additional_headers=dict(server.headers),
                ssl=tls,
                open_timeout=None,
                close_timeout=CLOSING,
                ping_interval=None,
                max_size=LARGEST,
                max_queue=QUEUE,
                compression=None,  # sound does not shrink, and inflating is a stall
                proxy=None if _near(server.url) else True,
                logger=_SILENT,
            )
        return Socket(server, connection)
    except Exception as error:
        failure = explain(error, server)
    raise failure


_SILENT = logging.Logger("websockets", logging.CRITICAL)
"""The library would log every header at DEBUG, keys and all, and every frame."""


def _near(url: str) -> bool:
    """On this machine: whatever proxy there is, is for elsewhere."""
    return urllib.parse.urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")


def explain(error: Exception, server: Server) -> ProviderError:
    """Whatever went wrong with a connection, as one clear sentence without secrets."""
    who, timeouts = server.provider, server.timeouts
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "InvalidStatus" in kinds:
        return translate(_Refused(error), who, timeouts, server.secrets)
    if "ConnectionClosed" in kinds:
        return _closed(error, server)
    if "InvalidHandshake" in kinds or "InvalidMessage" in kinds or isinstance(error, EOFError):
        return ProviderError(f"{who} cut the connection", provider=who)
    if isinstance(error, TimeoutError):
        return ProviderError(f"{who}: no connection within {timeouts.connect:g} s", provider=who)
    if isinstance(error, OSError):
        return unreachable(error, who)
    return translate(error, who, timeouts, server.secrets)


def _closed(error: Any, server: Server) -> ProviderError:
    who = server.provider
    if error.sent is not None and error.sent.code == 1009 and not error.rcvd_then_sent:
        return ProviderError(f"{who} sent more than {LARGEST >> 20} MB in one message", provider=who)
    if error.sent is not None and error.sent.code == 1007 and not error.rcvd_then_sent:
        return ProviderError(f"{who} sent something that cannot be read (malformed)", provider=who)
    if error.rcvd is None:
        return ProviderError(f"{who} cut the connection", provider=who)
    code = error.rcvd.code
    clause, lasting = server.closes.get(code) or _CLOSED.get(code) or ("closed the connection", False)
    why = scrubbed(error.rcvd.reason, server.secrets)
    kind = Rejected if lasting else ProviderError
    return kind(f"{who} {clause} ({code}){f': {why}' if why else ''}", provider=who)


class _Refused(Exception):
    """The server answered the handshake with an HTTP status, in the form in which `translate` knows it."""

    def __init__(self, error: Any) -> None:
        self.response = error.response
        self.status_code = error.response.status_code
        try:
            self.body: object = json.loads(error.response.body or b"")
        except ValueError:
            self.body = None


def understood(read: Callable[[Any], Iterable[T]], message: Any, provider: str) -> Iterator[T]:
    """What a dialect reads in a message. One that is not of the form it should have is an error of the server's."""
    try:
        yield from read(message)
    except (ValueError, TypeError, AttributeError, LookupError):
        failure = ProviderError(f"{provider} sent something that cannot be read (malformed)", provider=provider)
    else:
        return
    raise failure
