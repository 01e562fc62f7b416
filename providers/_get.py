"""A small question over HTTP, with the standard library alone: providers over WebSocket have no HTTP client."""

from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Mapping
from typing import Any

import anyio

from assistant.ports import ProviderError
from providers._errors import answered, unreachable
from providers._load import quietly
from providers._options import Timeouts

MOST = 8 << 20
"""Bytes of an answer, at most."""


async def get(
    url: str,
    headers: Mapping[str, str],
    *,
    provider: str,
    timeouts: Timeouts,
    secrets: tuple[str, ...] = (),
) -> Any:
    """The document that ``GET url`` answers with, within the time for a connection and a first byte together.

    Raises ProviderError, chained to nothing that might hold a key. Redirections are not followed: whoever they lead to
    would be given the key.
    """
    if url.startswith("ws"):
        url = "http" + url.removeprefix("ws")
    given_up = threading.Event()
    limit = timeouts.connect + timeouts.first_byte
    outcome: Any = None
    try:
        with anyio.move_on_after(limit) as waiting:
            outcome = await quietly(lambda: _ask(url, headers, timeouts.first_byte, given_up, provider, secrets))
    finally:
        given_up.set()
    if waiting.cancelled_caught:
        raise ProviderError(f"{provider}: no answer within {limit:g} s", provider=provider)
    if isinstance(outcome, ProviderError):
        raise outcome
    return outcome


def _ask(
    url: str,
    headers: Mapping[str, str],
    patience: float,
    given_up: threading.Event,
    provider: str,
    secrets: tuple[str, ...],
) -> Any:
    """The document, or a ProviderError."""
    from urllib.error import HTTPError, URLError
    from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

    class Straight(HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    near = urllib.parse.urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")
    opener = build_opener(Straight, *([ProxyHandler({})] if near else []))
    request = Request(url, headers={"accept": "application/json", **headers})
    try:
        with opener.open(request, timeout=patience) as response:
            data = _read(response, given_up)
            return json.loads(data) if data is not None else _wrong(provider, f"sent more than {MOST >> 20} MB")
    except HTTPError as error:
        told = {name.lower(): value for name, value in error.headers.items()}
        return answered(error.code, _body(error, given_up), told, provider, secrets)
    except URLError as error:
        reason = error.reason
        if isinstance(reason, TimeoutError):
            return _wrong(provider, f"did not answer within {patience:g} s")
        return unreachable(reason if isinstance(reason, BaseException) else error, provider)
    except TimeoutError:
        return _wrong(provider, f"did not answer within {patience:g} s")
    except ValueError:
        return _wrong(provider, "sent something that cannot be read (malformed)")
    except Exception:  # http.client has a dozen of them
        return _wrong(provider, "cut the connection")


def _wrong(provider: str, clause: str) -> ProviderError:
    return ProviderError(f"{provider} {clause}", provider=provider)


def _read(response: Any, given_up: threading.Event) -> bytes | None:
    """The body; None for too much of it."""
    data = bytearray()
    while (piece := response.read1(1 << 16)) and not given_up.is_set():
        data += piece
        if len(data) > MOST:
            return None
    return bytes(data)


def _body(error: Any, given_up: threading.Event) -> object:
    try:
        return json.loads(_read(error, given_up) or b"")
    except Exception:
        return None
