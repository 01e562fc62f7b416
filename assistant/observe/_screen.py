"""Rows that scroll away and one live row under them, written from a thread."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable

from ._writer import Writer

log = logging.getLogger("parley")

ROWS = 2_000
"""Rows that may wait for a terminal that is held up; the oldest are given up first."""
USUAL = 80
"""Columns where nobody knows how many there are."""

_CLEAR = "\r\x1b[K"
_NO_WRAP, _WRAP = "\x1b[?7l", "\x1b[?7h"


class Screen:
    """Prints to ``fd``. What is to be erased is decided when it is written, from what was really drawn last, so states
    of the live row that a held-up terminal never showed are simply skipped."""

    def __init__(self, fd: int, encoding: str, gone: Callable[[], None], *, in_place: bool) -> None:
        self._fd = fd
        self._encoding = encoding
        self._in_place = in_place
        self._rows: deque[str] = deque(maxlen=ROWS)
        self._live = ""
        self._drawn = ""
        self._lock = threading.Lock()
        self._gone = gone
        self._writer = Writer(fd, self._pull, self._reader_gone)

    def columns(self) -> int:
        """Columns, by now. A terminal that does not know its size, as in some containers, says 0."""
        try:
            return (os.get_terminal_size(self._fd).columns or USUAL) if self._in_place else USUAL
        except OSError:
            return USUAL

    def print(self, rows: Iterable[str] = (), live: str = "") -> None:
        """Rows for good, and what the live row then shows. Never waits."""
        with self._lock:
            self._rows.extend(rows)
            self._live = live if self._in_place else ""
        self._writer.wake()

    def close(self) -> None:
        """Take the live row away and write what waits, for at most half a second."""
        self.print()
        self._writer.close()

    def _reader_gone(self, error: OSError) -> None:
        if not isinstance(error, BrokenPipeError):
            log.warning("standard output cannot be written (%s)", error.strerror)
        if not self._writer.closing:
            self._gone()

    def _pull(self) -> bytes:
        with self._lock:
            rows, live = list(self._rows), self._live
            self._rows.clear()
        if not rows and live == self._drawn:
            return b""
        out = [_CLEAR] if self._drawn else []
        end = "\r\n" if self._in_place else "\n"  # a terminal in raw mode does not add the \r
        out.extend(row + end for row in rows)
        if live:
            out.append(_NO_WRAP + live + _WRAP)  # a row that is too wide after all must not spill into a second one
        self._drawn = live
        return "".join(out).encode(self._encoding, "replace")
