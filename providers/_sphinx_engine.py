"""A worker's process as a provider sees it: started again when it has died, and who waits for what it hears.

Used in the event loop alone. The process's own threads (`_sphinx_process`) hand over what it says.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel
import numpy as np
from anyio import to_thread

from assistant.ports import CAPTURE_RATE, Frame, ProviderError, Samples
from providers._sphinx_process import Process
from providers._sphinx_worker import ASK, FAILED, FORGET, GRAMMAR, HEARD, HERE, LEVEL, READY, SOUND
from providers._worker import _tell_loop


def packed_sound(samples: Samples) -> bytes:
    """A frame as the worker takes it: its level, and 16-bit samples."""
    level = float(np.sqrt(np.dot(samples, samples) / max(1, len(samples))))
    pcm = (np.clip(samples, -1, 1) * np.float32(32767)).astype("<i2")
    return LEVEL.pack(level) + pcm.tobytes()


class Engine:
    """One worker's process, from the first `ensure` to `end`."""

    def __init__(self, name: str, patience: float, worker: str, grammar: Callable[[], bytes]) -> None:
        """``patience``: seconds after which a process that owes an answer is held to hang. ``worker``: the module whose
        ``main`` runs in it. ``grammar``: the first message it gets; made in the loop while the process starts."""
        self._name = name
        self.patience = patience
        self._worker = worker
        self._grammar = grammar
        self._token = anyio.lowlevel.current_token()
        self._lock = anyio.Lock()
        self._process: Process | None = None
        self._ready = anyio.Event()
        self._failure: ProviderError | None = None
        self._waiting: dict[int, EngineStream] = {}
        self._opened = 0
        self._asked: float | None = None
        """When it was asked whether it is there, and has not said so."""
        self._unnoticed = False
        """It died, and nobody was waiting for it who could be told."""

    @property
    def pid(self) -> int | None:
        """Of the process; None while there is none."""
        return self._process.pid if self._process is not None and self._process.alive else None

    async def ensure(self) -> None:
        """Have a process that is ready. Raises ProviderError."""
        async with self._lock:
            self._unnoticed = False
            if self.pid is None:
                self.end()  # one that has died and of which that is not yet known
                self._ready, self._failure = anyio.Event(), None
                try:
                    self._process = await to_thread.run_sync(self._start)
                except OSError as error:
                    raise ProviderError(f"no process can be started ({error})", provider=self._name) from error
                with anyio.move_on_after(self.patience) as scope:
                    self.send(GRAMMAR, 0, self._grammar())
                    await self._ready.wait()
                if scope.cancelled_caught:
                    self._failure = ProviderError(f"it was not ready within {self.patience:g} s", provider=self._name)
            if (failure := self._failure) is not None:
                self.end()
                raise failure

    def _start(self) -> Process:
        """In a thread: it takes some milliseconds."""
        process: Process

        def tell(kind: bytes, utterance: int, body: bytes) -> None:
            _tell_loop(self._token, lambda: self._told(process, kind, utterance, body))

        process = Process(self._worker, tell, lambda: _tell_loop(self._token, lambda: self._ended(process)))
        return process

    def open(self, waiting: EngineStream) -> int:
        """A number for sound of its own. You must `forget` it."""
        self._opened += 1
        self._waiting[self._opened] = waiting
        return self._opened

    def send(self, kind: bytes, utterance: int, body: bytes = b"") -> None:
        if self._process is not None:
            self._process.send(kind, utterance, body)

    def forget(self, utterance: int) -> None:
        if self._waiting.pop(utterance, None) is not None:
            self.send(FORGET, utterance)

    def ask(self) -> None:
        """Have it say that it is there, unless it owes that already. Only a worker that knows ASK."""
        if self._asked is None and self._process is not None:
            self._asked = anyio.current_time()
            self.send(ASK, 0)

    @property
    def overdue_at(self) -> float:
        """Second of the loop's clock from which on a process that says nothing is held to hang, as things are now."""
        return (anyio.current_time() if self._asked is None else self._asked) + self.patience

    def check(self) -> None:
        """Raises ProviderError for one that died while nobody waited for it, or that hangs, which is ended; once."""
        if self._unnoticed:
            self._unnoticed = False
            raise ProviderError("its process ended", provider=self._name)
        if self._asked is not None and anyio.current_time() >= self.overdue_at:
            self.end()
            raise ProviderError(f"its process did not answer for {self.patience:g} s", provider=self._name)

    def end(self) -> None:
        """End the process at once, and tell who waits for it; `ensure` starts another."""
        process, self._process, self._asked = self._process, None, None
        if process is not None:
            process.kill()
        self._fail(ProviderError("its process ended", provider=self._name))

    def _told(self, process: Process, kind: bytes, utterance: int, body: bytes) -> None:
        if process is not self._process:
            return  # the last words of one that has been ended
        if kind == READY:
            self._ready.set()
        elif kind == FAILED:
            self._failure = ProviderError(body.decode(), provider=self._name)
            self._ready.set()
        elif kind == HERE:
            self._asked = None
        elif kind == HEARD and utterance in self._waiting:
            self._waiting[utterance].take(json.loads(body))

    def _ended(self, process: Process) -> None:
        """Of itself. One that was ended is no longer ours."""
        if process is self._process:
            self._unnoticed = self._ready.is_set() and not self._waiting
            self.end()

    def _fail(self, error: ProviderError) -> None:
        if not self._ready.is_set():
            self._failure = error
            self._ready.set()
        waiting, self._waiting = self._waiting, {}
        for one in waiting.values():
            one.take(error)


class EngineStream:
    """One stretch of sound that the process hears, and what it says of it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._first: int | None = None
        self._closed = False
        self._inbox: deque[dict[str, Any] | ProviderError] = deque()
        self._changed = anyio.Event()
        self._number = engine.open(self)

    @property
    def start(self) -> float:
        """Audio-clock seconds of its first sample."""
        return (self._first or 0) / CAPTURE_RATE

    def push(self, frame: Frame) -> None:
        if self._first is None:
            self._first = frame.start
        self._engine.send(SOUND, self._number, packed_sound(frame.samples))

    def close(self) -> None:
        """Nobody wants it any more; the iteration ends."""
        self._closed = True
        self._engine.forget(self._number)
        self._changed.set()

    def take(self, message: dict[str, Any] | ProviderError) -> None:
        """What was heard in it; or that nothing will be any more. Called by the engine, and never waits."""
        self._inbox.append(message)
        self._changed.set()

    async def _next(self) -> dict[str, Any] | None:
        """What the process says next; None once it is closed. Raises ProviderError."""
        await anyio.lowlevel.checkpoint()
        while not self._closed:
            if self._inbox:
                message = self._inbox.popleft()
                if isinstance(message, ProviderError):
                    raise message
                return message
            self._changed = anyio.Event()
            await self._wait()
        return None

    async def _wait(self) -> None:
        """Until something has changed."""
        await self._changed.wait()
