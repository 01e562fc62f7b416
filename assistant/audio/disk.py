"""Files written beside the event loop, which must never wait for a disk."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

Job = Callable[[], None]


class DiskThread:
    """Runs jobs one after another, in a thread.

    All of a process's DiskThreads share one thread: sixty sessions that each woke their own once a second cost more in
    switching than in writing. It starts with the first and ends with the last of them.

    A job that raises OSError is given up, the next one is tried all the same (a full disk may be emptied), and
    ``take_error`` tells of the first. The queue is bounded: while a disk hangs, jobs are refused instead of piling up.
    """

    def __init__(self, *, limit: int = 1000) -> None:
        """``limit``: jobs that may wait."""
        self._limit = limit
        self._waiting = 0
        self._lock = threading.Lock()
        self._error: OSError | None = None
        self._told = False
        self._worker = _Worker.join()

    def submit(self, job: Job) -> None:
        """Queue a job. Never waits."""
        if self._waiting >= self._limit:
            self._failed(OSError(0, "the disk does not keep up"))
            return
        with self._lock:
            self._waiting += 1
        self._worker.jobs.put(lambda: self._run(job))

    def take_error(self) -> OSError | None:
        """The first thing that went wrong, once; None before and after."""
        if self._told or self._error is None:
            return None
        self._told = True
        return self._error

    def close(self, last: Job | None = None, *, timeout: float = 5.0) -> bool:
        """Finish all that is queued, then ``last``. Blocks; False when it gave up on a disk that hung for ``timeout``
        seconds. Nothing may be submitted after it."""
        done = threading.Event()
        if last is not None:
            final = last
            self._worker.jobs.put(lambda: self._run(final))
        self._worker.jobs.put(done.set)
        finished = done.wait(timeout)
        self._worker.leave(timeout)
        return finished

    def _run(self, job: Job) -> None:
        with self._lock:
            self._waiting -= 1
        try:
            job()
        except OSError as error:
            self._failed(error)

    def _failed(self, error: OSError) -> None:
        if self._error is None:
            self._error = error


class _Worker:
    """The thread, for as long as somebody uses it."""

    _lock = threading.Lock()
    _current: _Worker | None = None

    def __init__(self) -> None:
        self.jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._users = 0
        # Daemonic, so that a disk that never answers cannot hold up the process's end.
        self._thread = threading.Thread(target=self._work, name="parley-disk", daemon=True)

    @classmethod
    def join(cls) -> _Worker:
        with cls._lock:
            worker = cls._current
            if worker is None:
                worker = cls._current = cls()
                worker._thread.start()
            worker._users += 1
            return worker

    def leave(self, timeout: float) -> None:
        with self._lock:
            self._users -= 1
            if self._users:
                return
            _Worker._current = None
        self.jobs.put(None)
        self._thread.join(timeout)

    def _work(self) -> None:
        while (job := self.jobs.get()) is not None:
            job()
