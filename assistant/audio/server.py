"""The sound server behind an ALSA device: PulseAudio, or PipeWire speaking its language.

PortAudio sees one device, "default" or "pulse", whatever stands behind it, and is not told when the server moves a
stream. The server's own tool `pactl` knows. Where it is not installed, or there is no server, nothing is known and
nothing is followed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import anyio

from assistant.errors import ParleyError

PATIENCE = 2.0
"""Seconds for one answer."""
RETRY = 1.0
"""Seconds from the server's end to the next look for it; doubled each time, to RETRY_MOST."""
RETRY_MOST = 30.0


class ServerRefused(ParleyError):
    """The server did not do what it was asked."""


@dataclass(frozen=True)
class Endpoint:
    """A microphone or a loudspeaker of the server's."""

    name: str
    """What the server calls it."""
    description: str
    """What a person calls it, with the socket in use: "Built-in Audio, Headphones"."""
    direction: str
    """"input" or "output"."""
    monitor: bool = False
    """No microphone: what a loudspeaker plays."""
    default: bool = False


@dataclass(frozen=True)
class ServerState:
    """What the server says."""

    server: str
    """Its name and version."""
    endpoints: tuple[Endpoint, ...]
    streams: Mapping[str, tuple[int, Endpoint | None]]
    """By direction: this process's newest stream, and where it leads."""

    def behind(self, direction: str) -> str:
        """Where this process's sound comes from or goes to; "" where it has no stream there."""
        _, endpoint = self.streams.get(direction, (0, None))
        return endpoint.description if endpoint is not None else ""


_KINDS = (("output", "sinks", "sink_inputs", "sink"), ("input", "sources", "source_outputs", "source"))


def understand(listing: Mapping[str, Any], info: Mapping[str, Any], process: int) -> ServerState:
    """``listing``: of `pactl -f json list`; ``info``: of `pactl -f json info`; ``process``: whose streams."""
    endpoints: list[Endpoint] = []
    streams: dict[str, tuple[int, Endpoint | None]] = {}
    for direction, devices, clients, one in _KINDS:
        by_index: dict[int, Endpoint] = {}
        for device in listing.get(devices) or ():
            by_index[device["index"]] = Endpoint(
                name=device["name"],
                description=_described(device),
                direction=direction,
                monitor=direction == "input" and device["name"].endswith(".monitor"),
                default=device["name"] == info.get(f"default_{one}_name"),
            )
        endpoints += by_index.values()
        for client in sorted(listing.get(clients) or (), key=lambda client: int(client["index"])):
            if (client.get("properties") or {}).get("application.process.id") == str(process):
                streams[direction] = (client["index"], by_index.get(client[one]))
    return ServerState(f"{info.get('server_name', '')} {info.get('server_version', '')}", tuple(endpoints), streams)


def _described(device: Mapping[str, Any]) -> str:
    description: str = device.get("description") or device["name"]
    port = device.get("active_port")
    told = next((p.get("description", "") for p in device.get("ports") or () if p.get("name") == port), "")
    return f"{description}, {told}" if told and told.casefold() not in description.casefold() else description


def ask() -> ServerState | None:
    """What it says now; None where there is no server, or nothing to ask it with. Blocks for some 10 ms."""
    try:
        return understand(json.loads(_pactl("list")), json.loads(_pactl("info")), os.getpid())
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError, AttributeError):
        return None


def move(direction: str, target: str) -> None:
    """Lead this process's stream to the endpoint named ``target``. Blocks. Raises ServerRefused."""
    state = ask()
    stream = state.streams.get(direction) if state is not None else None
    if stream is None:
        raise ServerRefused("the sound server does not know of Parley's sound")
    try:
        _pactl("move-sink-input" if direction == "output" else "move-source-output", str(stream[0]), target)
    except (OSError, subprocess.SubprocessError):
        raise ServerRefused(f"the sound server does not lead it to {target}") from None


def _pactl(*arguments: str) -> str:
    done = subprocess.run(
        ["pactl", "-f", "json", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=PATIENCE,
        env=_untranslated(),
        text=True,
    )
    return done.stdout


def _untranslated() -> dict[str, str]:
    """With a comma as its decimal point pactl writes no JSON."""
    return {**os.environ, "LC_ALL": "C.UTF-8"}


async def changes() -> AsyncGenerator[None, None]:
    """Yields after anything changed at the server, several changes at once as one. Ends where there is no pactl."""
    wait = RETRY
    while shutil.which("pactl"):
        process = await anyio.open_process(
            ["pactl", "subscribe"],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_untranslated(),
            start_new_session=True,  # Ctrl+C is for Parley, which ends it
        )
        async with process:
            assert process.stdout is not None
            try:
                async for _ in process.stdout:
                    wait = RETRY
                    yield
            except BaseException:
                # Whoever breaks off would wait for it, and of itself it ends with the server. Not by `process.kill`,
                # anyio's way: that takes the exit code, if there is one already, from asyncio, which then complains.
                if process.returncode is None:
                    with suppress(ProcessLookupError):
                        os.kill(process.pid, signal.SIGKILL)
                with anyio.CancelScope(shield=True):
                    await process.wait()
                raise
        await anyio.sleep(wait)
        wait = min(2 * wait, RETRY_MOST)
        yield
