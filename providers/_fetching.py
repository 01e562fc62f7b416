"""Downloads in a process of their own, watched: progress on stderr, given up when nothing comes, killed at once.

The process writes one JSON object a line: ``{"bytes": done, "of": total}`` as bytes arrive, at last ``{"path": ...}``
or ``{"error": why}``.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
from anyio.streams.text import TextReceiveStream

MEGABYTE = 1_000_000


class DownloadFailed(Exception):
    """Why, as a clause."""


async def fetched(
    what: str, module: Sequence[str], *, gap: float, smallest: int = 0, longest: float = math.inf
) -> Path:
    """Run ``python -m MODULE ARGUMENTS`` and return the path it ends with. Raises DownloadFailed.

    ``what``: its name in the progress line; ``gap``: seconds without a byte after which it is given up; ``smallest``:
    files up to so many bytes show no progress; ``longest``: seconds after which it is given up, whatever comes.
    """
    if forbidden():
        raise DownloadFailed("HF_HUB_OFFLINE forbids it")
    progress = _Progress(what)
    command = [sys.executable, "-m", *module]
    env = {**os.environ, "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    async with await anyio.open_process(command, stdin=None, stderr=None, env=env) as process:
        assert process.stdout is not None
        try:
            lines = _Lines(TextReceiveStream(process.stdout))
            until = anyio.current_time() + longest
            while True:
                message: dict[str, Any] | None = None
                with anyio.move_on_after(gap) as waiting:
                    message = await lines.next()
                if anyio.current_time() >= until:
                    raise DownloadFailed(f"it was not here after {longest:g} s")
                if waiting.cancelled_caught:
                    raise DownloadFailed(f"no byte came for {gap:g} s")
                if message is None:
                    raise DownloadFailed("the download ended without a word")
                if "error" in message:
                    raise DownloadFailed(str(message["error"]))
                if "path" in message:
                    return Path(str(message["path"]))
                if message["of"] > smallest:
                    progress.show(message["bytes"], message["of"])
        finally:
            progress.end()
            if process.returncode is None:
                process.kill()


def forbidden() -> bool:
    """HF_HUB_OFFLINE says that nothing is to be fetched."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}


class _Lines:
    """JSON objects, one a line, from a process."""

    def __init__(self, stream: TextReceiveStream) -> None:
        self._stream = stream
        self._rest = ""

    async def next(self) -> dict[str, Any] | None:
        while "\n" not in self._rest:
            try:
                self._rest += await self._stream.receive()
            except anyio.EndOfStream:
                return None
        line, self._rest = self._rest.split("\n", 1)
        message: dict[str, Any] = json.loads(line)
        return message


class _Progress:
    """One line on stderr: redrawn on a terminal, every tenth elsewhere."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._shown = -1
        self._terminal = sys.stderr.isatty()

    def show(self, done: int, total: int) -> None:
        percent = 100 * done // total if total else 100
        if percent == self._shown or (not self._terminal and percent // 10 == self._shown // 10):
            return
        self._shown = percent
        line = f"downloading {self._model}: {percent} % of {total / MEGABYTE:.0f} MB"
        sys.stderr.write(f"\r{line}" if self._terminal else f"{line}\n")
        sys.stderr.flush()

    def end(self) -> None:
        if self._terminal and self._shown >= 0:
            sys.stderr.write("\n")
            sys.stderr.flush()
