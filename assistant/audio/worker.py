"""One thread for everything that may block in PortAudio, which bears no two calls at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

import anyio
import anyio.lowlevel

T = TypeVar("T")


class Worker:
    """Runs calls one after another. A call that hangs holds up those behind it, and nothing else: not the loop, and
    not the end of the process."""

    def __init__(self) -> None:
        """Call it in the event loop."""
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._wake = anyio.lowlevel.current_token().native_token.call_soon_threadsafe  # type: ignore[attr-defined]
        threading.Thread(target=self._run, name="sound devices", daemon=True).start()

    async def call(self, work: Callable[[], T]) -> T:
        """Its result, or what it raises. When this is cancelled the call goes on, or is left out if its turn has not
        come."""
        done = anyio.Event()
        outcome: dict[str, Any] = {}
        wanted = True

        def job() -> None:
            if not wanted:
                return
            try:
                outcome["result"] = work()
            except Exception as error:
                outcome["error"] = error
            with suppress(RuntimeError):  # the loop has been closed
                self._wake(done.set)

        self._jobs.put(job)
        try:
            await done.wait()
        finally:
            wanted = False
        if "error" in outcome:
            raise outcome["error"]
        result: T = outcome["result"]
        return result

    def end(self) -> None:
        """No call comes any more. Does not wait."""
        self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
