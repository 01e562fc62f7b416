"""Is there a model server on this machine? One quick look at the ports where they usually are, all at once.

Plain HTTP over a socket: a client's import alone would take longer than the answer.
"""

from __future__ import annotations

import io
import ipaddress
import json
from collections.abc import Collection, Mapping
from http.client import HTTPException, HTTPResponse
from typing import Any, cast
from urllib.parse import urlsplit

import anyio

from providers._model_list import chatting

PORTS: Mapping[int, str] = {11434: "Ollama", 8080: "llama.cpp", 1234: "LM Studio", 8000: "vLLM"}
"""The servers' own defaults, in the order in which one is preferred."""
PATIENCE = 0.3
"""Seconds for everything. A server that is well needs a few milliseconds; nothing listens on most machines."""
MOST = 1 << 20
"""Bytes of an answer that are read."""


async def model_servers(
    ports: Mapping[int, str] = PORTS, *, host: str = "127.0.0.1", patience: float = PATIENCE
) -> list[tuple[str, str, str]]:
    """(base URL, kind, chat model) of every server that listed a chat model in time, in the order of ``ports``."""
    found: dict[int, str] = {}

    async def ask(port: int) -> None:
        model = chatting(await _listed(host, port, "/v1/models") or ())
        if model:
            found[port] = model

    with anyio.move_on_after(patience):
        async with anyio.create_task_group() as group:
            for port in ports:
                group.start_soon(ask, port)
    return [(f"http://{host}:{port}/v1", kind, found[port]) for port, kind in ports.items() if port in found]


async def listings(addresses: Collection[str], *, patience: float = PATIENCE) -> dict[str, list[str] | None]:
    """What the servers at these base URLs list as their models; None: nobody answered there in time. No key is sent.

    Only ``http`` to an address in figures or to localhost is asked, which needs no name server: what is further away
    may well need longer, and may count who asks. The others are not in the answer.
    """
    found: dict[str, list[str] | None] = {}

    async def ask(address: str, host: str, port: int, path: str) -> None:
        found[address] = await _listed(host, port, path)

    with anyio.move_on_after(patience):
        async with anyio.create_task_group() as group:
            for address in addresses:
                parts = urlsplit(address)
                if parts.scheme == "http" and _is_near(parts.hostname or ""):
                    found[address] = None
                    path = f"{parts.path.rstrip('/') or '/v1'}/models"
                    group.start_soon(ask, address, parts.hostname or "", parts.port or 80, path)
    return found


def _is_near(host: str) -> bool:
    try:
        return host == "localhost" or bool(ipaddress.ip_address(host))
    except ValueError:
        return False


async def _listed(host: str, port: int, path: str) -> list[str] | None:
    """The models that the server lists; none where it is another kind of server, None where there is no server."""
    received = b""
    try:
        async with await anyio.connect_tcp(host, port) as stream:
            head = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAccept: application/json\r\n"
            await stream.send(f"{head}Connection: close\r\n\r\n".encode())
            while (models := _models(received)) is None and len(received) < MOST:
                received += await stream.receive()
            return models or []
    except (OSError, anyio.EndOfStream, anyio.BrokenResourceError):
        return [] if received else None


def _models(received: bytes) -> list[str] | None:
    """The names in a complete answer; None while it is not complete."""
    if b"\r\n\r\n" not in received:
        return None
    try:
        response = HTTPResponse(cast(Any, _Socket(received)))
        response.begin()
        if response.status != 200:
            return []
        body = json.loads(response.read())
    except (HTTPException, ValueError):
        return None
    data = body.get("data") if isinstance(body, dict) else None
    models = data if isinstance(data, list) else []
    return [model["id"] for model in models if isinstance(model, dict) and isinstance(model.get("id"), str)]


class _Socket:
    """All that HTTPResponse wants of a socket."""

    def __init__(self, received: bytes) -> None:
        self._received = received

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._received)
