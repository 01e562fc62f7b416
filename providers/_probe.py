"""Is there a model server on this machine? One quick look at the ports where they usually are, all at once.

Plain HTTP over a socket: a client's import alone would take longer than the answer.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from http.client import HTTPException, HTTPResponse
from typing import Any, cast

import anyio

PORTS: Mapping[int, str] = {11434: "Ollama", 8080: "llama.cpp", 1234: "LM Studio", 8000: "vLLM"}
"""The servers' own defaults, in the order in which one is preferred."""
PATIENCE = 0.3
"""Seconds for everything. A server that is well needs a few milliseconds; nothing listens on most machines."""
MOST = 1 << 20
"""Bytes of an answer that are read."""
NOT_CHAT = ("embed", "whisper", "tts", "rerank", "kokoro", "parakeet")
"""In the name of a model: it does not chat."""
ELSEWHERE = ("-cloud", ":cloud")
"""How Ollama marks models that it would ask its own service for."""


async def model_servers(
    ports: Mapping[int, str] = PORTS, *, host: str = "127.0.0.1", patience: float = PATIENCE
) -> list[tuple[str, str, str]]:
    """(base URL, kind, chat model) of every server that listed a chat model in time, in the order of ``ports``."""
    found: dict[int, str] = {}

    async def ask(port: int) -> None:
        model = chat_model(await _listed(host, port))
        if model:
            found[port] = model

    with anyio.move_on_after(patience):
        async with anyio.create_task_group() as group:
            for port in ports:
                group.start_soon(ask, port)
    return [(f"http://{host}:{port}/v1", kind, found[port]) for port, kind in ports.items() if port in found]


def chat_model(names: Sequence[str]) -> str | None:
    """The first that chats, on this machine rather than elsewhere."""
    chatting = [name for name in names if not any(word in name.lower() for word in NOT_CHAT)]
    here = [name for name in chatting if not name.lower().endswith(ELSEWHERE)]
    return next(iter(here or chatting), None)


async def _listed(host: str, port: int) -> list[str]:
    """The models that the server lists; none when there is no server, or when it is another kind of server."""
    try:
        async with await anyio.connect_tcp(host, port) as stream:
            head = f"GET /v1/models HTTP/1.1\r\nHost: {host}:{port}\r\nAccept: application/json\r\n"
            await stream.send(f"{head}Connection: close\r\n\r\n".encode())
            received = b""
            while (models := _models(received)) is None and len(received) < MOST:
                received += await stream.receive()
            return models or []
    except (OSError, anyio.EndOfStream, anyio.BrokenResourceError):
        return []


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
