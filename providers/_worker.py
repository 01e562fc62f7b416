"""One model, one thread, one job.

A model that computes for longer than the event loop may wait runs here. A limiter around ``anyio.to_thread`` would not
do: on asyncio a cancelled caller gives its token back while its thread still computes, so two decodes would overlap
after an interruption. Here the thread itself takes the next job, and only when it has ended the last.
"""

from __future__ import annotations

import atexit
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, ParamSpec, TypeVar

import anyio
import anyio.from_thread
import anyio.lowlevel

P = ParamSpec("P")
T = TypeVar("T")

CLOSE_GRACE = 0.2
"""Seconds that ``Worker.aclose`` waits for a running job."""
EXIT_GRACE = 0.7
"""Seconds that the interpreter's exit waits for running jobs, all together. A thread that comes back from native code
into an interpreter that is gone aborts the process (measured with CTranslate2: 7 of 10 exits); longer is no help to
somebody who pressed Ctrl+C."""


SWITCH_INTERVAL = 5e-4
"""Seconds after which a job's thread that computes in Python must let the event loop's go on. Python's own 5e-3 is all
that the loop may be held up by anything."""


class Dropped(Exception):  # noqa: N818 - it is no error
    """An optional job was not begun, because something more urgent or newer came first."""


class Job(Generic[T]):
    """A call that a worker has been given. Made by ``Worker.submit`` and ``Worker.offer``."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call: Callable[[], T] | None = call
        self._token = anyio.lowlevel.current_token()
        self._ended = anyio.Event()
        self._value: T | None = None
        self._error: BaseException | None = None
        self.abandoned = False
        """Nobody waits for it any more. Read by the job itself, in its thread, to end early."""

    def abandon(self) -> None:
        """Nobody wants the result: the job is skipped, or ends as soon as it looks at ``Worker.abandoned``."""
        self.abandoned = True

    async def result(self) -> T:
        """What the call returned, or raised. Cancelled, it abandons the job and returns at once."""
        try:
            await self._ended.wait()
        except anyio.get_cancelled_exc_class():
            self.abandon()
            raise
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]

    def _run(self) -> None:
        call, self._call = self._call, None
        assert call is not None
        try:
            self._value = call()
        except BaseException as error:  # it is the caller's, who raises it
            self._error = error
        self._tell()

    def _drop(self) -> None:
        """Give up on it before it was begun. Called in a loop's thread, nearly always the job's own."""
        self._error = Dropped()
        self._call = None
        if self._token.native_token is anyio.lowlevel.current_token().native_token:
            self._end()
        else:
            self._tell()

    def _tell(self) -> None:
        """Wake the caller, from another thread than its own."""
        if not self.abandoned:
            _tell_loop(self._token, self._end)

    def _end(self) -> None:
        self._ended.set()


class Feed(Job[None], Generic[T]):
    """A job that hands over items while it runs. Iterate it to the end, or ``abandon()`` it."""

    def __init__(self, call: Callable[[Callable[[T], None]], None]) -> None:
        super().__init__(lambda: call(self._put))
        self._items: deque[T] = deque()
        self._more = anyio.Event()
        self._hungry = False

    def _put(self, item: T) -> None:
        """Called by the job. Wakes the reader only when it waits: most items need no switch of threads."""
        self._items.append(item)
        if self._hungry and not self.abandoned:
            self._hungry = False
            _tell_loop(self._token, lambda: self._more.set())

    def _end(self) -> None:
        super()._end()
        self._more.set()

    def __aiter__(self) -> Feed[T]:
        return self

    async def __anext__(self) -> T:
        # However many items wait, a reader can be cancelled, and others get their turn.
        await anyio.lowlevel.checkpoint()
        while not self._items:
            if self._ended.is_set():
                await self.result()  # raises what the job raised
                raise StopAsyncIteration
            self._more = anyio.Event()
            self._hungry = True
            if not self._items:  # else it came between the two lines above, unnoticed
                await self._more.wait()
            self._hungry = False
        return self._items.popleft()


def _tell_loop(token: anyio.lowlevel.EventLoopToken, call: Callable[[], object]) -> None:
    """Run ``call`` in the loop that ``token`` stands for, from any other thread. A loop that is over hears nothing."""
    with suppress(RuntimeError):  # RunFinishedError, or asyncio's own "Event loop is closed" in the last instant
        anyio.from_thread.run_sync(call, token=token)


class Worker:
    """A daemon thread that does one job after another. It is started by the first job.

    Jobs that were submitted are done in their order and never dropped while somebody waits for them. One optional job
    may wait beside them; it is dropped when a submitted one arrives before it was begun, and the newest wins. A caller
    that is cancelled returns at once, while its job ends, or is skipped, before the next one begins.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._wake = threading.Condition()
        self._jobs: deque[Job[Any]] = deque()
        self._optional: Job[Any] | None = None
        self._running: Job[Any] | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._gone: list[tuple[anyio.lowlevel.EventLoopToken, anyio.Event]] = []

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """``call(*args, **kwargs)`` in the worker's thread."""
        return await self.submit(call, *args, **kwargs).result()

    def submit(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Job[T]:
        """Queue the call; await its ``result()``, or ``abandon()`` it."""
        job = Job(lambda: call(*args, **kwargs))
        self._submit(job)
        return job

    def feed(self, call: Callable[[Callable[[T], None]], None]) -> Feed[T]:
        """Queue a call that produces items: it is given the function that takes them."""
        feed = Feed(call)
        self._submit(feed)
        return feed

    def _submit(self, job: Job[Any]) -> None:
        with self._wake:
            self._check_open()
            self._jobs.append(job)
            dropped, self._optional = self._optional, None
            self._wake.notify()
        if dropped is not None:
            dropped._drop()

    def offer(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Job[T]:
        """Queue the call as the optional one: its ``result()`` raises Dropped when something else comes first."""
        job = Job(lambda: call(*args, **kwargs))
        dropped: Job[Any] | None = None
        with self._wake:
            self._check_open()
            if any(not waiting.abandoned for waiting in self._jobs):
                dropped = job
            else:
                dropped, self._optional = self._optional, job
                self._wake.notify()
        if dropped is not None:
            dropped._drop()
        return job

    @property
    def abandoned(self) -> bool:
        """Asked inside a job: does nobody wait for it any more? Then it should return as soon as it can."""
        running = self._running
        return running is None or running.abandoned

    @property
    def busy(self) -> bool:
        """A job is running."""
        return self._running is not None

    async def aclose(self) -> None:
        """Drop what waits and end the thread: at once when it is idle, else as soon as its job has ended (this waits
        CLOSE_GRACE seconds for that, and no longer)."""
        gone = anyio.Event()
        with self._wake:
            self._closed = True
            waiting = [*self._jobs, *([self._optional] if self._optional else [])]
            self._jobs.clear()
            self._optional = None
            if self._running is not None:
                self._running.abandon()
            thread = self._thread
            if thread is not None:
                self._gone.append((anyio.lowlevel.current_token(), gone))
            self._wake.notify()
        for job in waiting:
            job._drop()
        if thread is None:
            return
        with anyio.move_on_after(CLOSE_GRACE, shield=True):
            await gone.wait()
            thread.join()  # its last act was to say so

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError(f"the worker {self.name} is closed")
        if self._thread is None:
            sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_INTERVAL))
            self._thread = threading.Thread(target=self._work, name=self.name, daemon=True)
            self._thread.start()
            _started.add(self)

    def _work(self) -> None:
        while (job := self._next()) is not None:
            job._run()
            del job  # or the last result would live as long as the worker idles
        for token, gone in self._gone:
            _tell_loop(token, gone.set)

    def _next(self) -> Job[Any] | None:
        """The next job that somebody waits for; None when the worker is closed."""
        with self._wake:
            self._running = None
            self._wake.notify_all()  # the interpreter's exit may be waiting for this
            while True:
                if self._jobs:
                    job = self._jobs.popleft()
                elif self._optional is not None:
                    job, self._optional = self._optional, None
                elif self._closed:
                    self._thread = None
                    return None
                else:
                    self._wake.wait()
                    continue
                if not job.abandoned:
                    self._running = job
                    return job

    def _end(self, seconds: float) -> None:
        """At the interpreter's exit."""
        with self._wake:
            self._closed = True
            self._jobs.clear()
            self._optional = None
            if self._running is not None:
                self._running.abandon()
            self._wake.wait_for(lambda: self._running is None, seconds)


_started: weakref.WeakSet[Worker] = weakref.WeakSet()


@atexit.register
def _let_jobs_end() -> None:
    left = EXIT_GRACE
    for worker in list(_started):
        if worker.busy:
            worker._end(left)
            left = 0.0
