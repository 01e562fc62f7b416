"""Writing to a file descriptor that may stop taking anything: a full pipe, a terminal halted with Ctrl+S."""

from __future__ import annotations

import errno
import os
import select
import threading
from collections.abc import Callable

CHUNK = 4096
"""Bytes in a write: at most PIPE_BUF, so that what `poll` calls writable takes it without waiting (pipe(7))."""
PATIENCE_MS = 100
"""How often a writer that is held up looks whether it is still wanted."""
LOOK_EVERY = 0.5
"""Seconds between two looks of a writer with nothing to write, whether its reader is still there."""


class Writer:
    """A thread that writes what ``pull`` hands it to ``fd``, as fast as the reader takes it. Nobody waits for it.

    It uses the descriptor and no file object: a daemon thread that is stuck at interpreter exit then holds no lock
    which shutting down needs. ``pull`` is called in the thread, returns the next bytes or ``b""``, and must not block;
    ``gone`` is called in the thread, once, when the reader has gone away (within half a second, even while there is
    nothing to write) or the disk is full. ``fd`` stays the caller's.
    """

    def __init__(self, fd: int, pull: Callable[[], bytes], gone: Callable[[OSError], None]) -> None:
        self._fd = fd
        self._pull = pull
        self._gone = gone
        self._work = threading.Event()
        self.closing = False
        self._abandoned = False
        self._thread = threading.Thread(target=self._run, name="parley-writer", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There is something to pull. Never waits."""
        self._work.set()

    def close(self, patience: float = 0.5) -> None:
        """Write what is left, for at most ``patience`` seconds; what the reader has not taken by then is given up."""
        self.closing = True
        self._work.set()
        self._thread.join(patience)
        self._abandoned = True

    def _run(self) -> None:
        while True:
            if not self._work.wait(LOOK_EVERY) and not self.closing:
                if self._left_alone():
                    self._gone(BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)))
                    return
                continue
            self._work.clear()
            last = self.closing  # read before pulling: what was queued before close is still written
            while data := self._pull():
                try:
                    if not self._write(data):
                        return
                except OSError as error:
                    self._gone(error)
                    return
            if last:
                return

    def _write(self, data: bytes) -> bool:
        view = memoryview(data)
        while view:
            if not self._ready():
                return False
            try:
                view = view[os.write(self._fd, view[:CHUNK]) :]
            except BlockingIOError:  # the descriptor was left non-blocking by a parent, and poll was too hopeful
                continue
        return True

    def _left_alone(self) -> bool:
        """The reader has gone away. Without this it would be noticed at the next write, which may be an hour off."""
        if not hasattr(select, "poll"):
            return False
        poll = select.poll()
        poll.register(self._fd, 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))

    def _ready(self) -> bool:
        """Wait until the descriptor takes something; False when nobody waits for it any more."""
        if not hasattr(select, "poll"):  # Windows: the write itself may block, in this thread
            return not self._abandoned
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        while not self._abandoned:
            if poll.poll(PATIENCE_MS):
                return not self._abandoned
        return False
