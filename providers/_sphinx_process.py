"""The worker's process, seen from the program that started it.

Two threads of its own move the bytes, so that neither a full pipe nor a decode is ever felt by the event loop.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from providers._sphinx_worker import FAILED, READY, packed, read

ROOT = Path(__file__).resolve().parent.parent
_START = "import sys, importlib; sys.path.append(sys.argv[1]); importlib.import_module(sys.argv[2]).main()"

OnMessage = Callable[[bytes, int, bytes], None]


class Failed(Exception):
    """The process could not begin its work; ``str()`` says why."""


class Process:
    """A running worker. ``start`` it, give it messages, ``kill`` it; none of these waits."""

    def __init__(self, worker: str, on_message: OnMessage, on_end: Callable[[], None]) -> None:
        """``worker``: the module whose ``main`` runs in it. ``on_message`` is called with each message, ``on_end``
        once, after the last; both in a thread of their own. Raises OSError when no process can be started."""
        self._on_message = on_message
        self._on_end = on_end
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _START, str(ROOT), worker],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl+C is for the program, which then ends this
        )
        self.alive = True
        for work in (self._write, self._read):
            threading.Thread(target=work, name="pocketsphinx", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, kind: bytes, utterance: int = 0, body: bytes = b"") -> None:
        self._outbox.put(packed(kind, utterance, body))

    def kill(self) -> None:
        """At once, and what it has started with it, which may hang as well. ``on_end`` follows."""
        self.alive = False
        if self._process.returncode is None and hasattr(os, "killpg"):
            with suppress(ProcessLookupError, PermissionError):  # they are all gone
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._outbox.put(None)

    def _write(self) -> None:
        pipe = _given(self._process.stdin)
        with suppress(OSError):  # it has died, which the reading thread tells
            while (message := self._outbox.get()) is not None:
                pipe.write(message)
                if self._outbox.empty():
                    pipe.flush()
        with suppress(OSError):
            pipe.close()

    def _read(self) -> None:
        pipe = _given(self._process.stdout)
        while (message := read(pipe)) is not None:
            self._on_message(*message)
        self.kill()
        self._process.wait()
        pipe.close()
        self._on_end()


def _given(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


__all__ = ["FAILED", "READY", "Failed", "Process"]
