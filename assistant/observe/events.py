"""The JSON events: one object a line on standard output and nothing else (see docs/events.md)."""

from __future__ import annotations

import json
import logging
import math
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from assistant.ports import Notice, ParleyError

from ._writer import CHUNK, Writer

log = logging.getLogger("parley")

LIMIT = 10_000
"""Lines that may wait for a reader that does not read."""
CHATTER = frozenset({"reply.word", "user.transcript.partial"})
"""Dropped a little earlier than the rest, so that what matters still finds room."""

_BREAKS = str.maketrans({"\x7f": "\\u007f", "\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"})
# JSON allows these raw, but some readers take them for the end of a line.


def encode(notice: Notice) -> bytes:
    """The notice as a line of UTF-8 JSON. Times are rounded to 1 ms."""
    if notice.event == "_":
        fields: dict[str, Any] = {"t": round(notice.t, 3), "turn": notice.turn, "_": notice.data}
    else:
        fields = {"t": round(notice.t, 3), "event": notice.event, "turn": notice.turn, "at": round(notice.at, 3)}
        fields.update(notice.data)
    try:
        text = _encoder.encode(fields)
    except ValueError:
        text = _encoder.encode(_finite(fields))
    return text.translate(_BREAKS).encode("utf-8", "replace") + b"\n"


def _plain(value: Any) -> Any:
    """What the JSON encoder does not know: a numpy number, a mapping, a path."""
    if hasattr(value, "item"):
        return value.item()
    return dict(value) if isinstance(value, Mapping) else str(value)


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: null instead."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value


_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_plain)


@contextmanager
def claimed_stdout() -> Iterator[int]:
    """Standard output for the events alone: yields its descriptor; what else prints meanwhile goes to standard error.

    Even a C library's printf cannot get between two lines. Raises ParleyError when standard output is closed.
    """
    if sys.stdout is None:
        raise ParleyError("standard output is closed, so --json has nowhere to write; redirect it to a file or a pipe")
    while (nowhere := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass  # standard input or error is closed: its number must not come to stand for the events
    os.close(nowhere)
    sys.stdout.flush()
    mine = os.dup(1)
    os.dup2(2, 1)
    try:
        yield mine
    finally:
        with suppress(OSError):  # what is left for a standard error that has gone away
            sys.stdout.flush()
        os.dup2(mine, 1)
        os.close(mine)


class EventLines:
    """Observer: writes every event to ``fd``, at once, from a thread of its own. A reader that is slow stalls nothing.

    When ``limit`` lines wait, further ones are dropped, and a `warning` event says how many as soon as there is room.
    ``on_reader_gone`` is called once, **in the writer's thread**, when nothing can be written any more (the reader has
    gone away, the disk is full) and `close` has not been called; notices are ignored from then on.
    """

    def __init__(self, fd: int, on_reader_gone: Callable[[], None], *, limit: int = LIMIT) -> None:
        self._on_reader_gone = on_reader_gone
        self._limit = limit
        self._lines: deque[bytes] = deque()
        self._lock = threading.Lock()
        self._dropped = 0
        self._last_t = 0.0
        self._gone = False
        self._writer = Writer(fd, self._pull, self._reader_gone)

    def notice(self, notice: Notice) -> None:
        if notice.event == "_" or self._gone:
            return
        self._last_t = notice.t
        room = self._limit - len(self._lines)
        if room <= (self._limit // 10 if notice.event in CHATTER else 0):
            self._dropped += 1
            return
        if self._dropped and room > 1:
            self._own_up()
        self._put(encode(notice))

    def close(self) -> None:
        """Write what waits, for at most half a second. Call it after the last notice, when nothing is in a hurry."""
        if self._dropped and not self._gone:
            self._own_up()
        self._writer.close()

    def _own_up(self) -> None:
        lines = "1 event was" if self._dropped == 1 else f"{self._dropped} events were"
        message = f"{lines} left out here: standard output was not being read"
        self._put(encode(Notice(self._last_t, "warning", None, self._last_t, {"message": message})))
        self._dropped = 0

    def _put(self, line: bytes) -> None:
        with self._lock:
            self._lines.append(line)
        self._writer.wake()

    def _pull(self) -> bytes:
        """As many whole lines as one write takes."""
        taken: list[bytes] = []
        size = 0
        with self._lock:
            while self._lines and (not taken or size + len(self._lines[0]) <= CHUNK):
                size += len(self._lines[0])
                taken.append(self._lines.popleft())
        return b"".join(taken)

    def _reader_gone(self, error: OSError) -> None:
        self._gone = True
        if not isinstance(error, BrokenPipeError):
            log.warning("the events cannot be written to standard output (%s)", error.strerror)
        with self._lock:
            self._lines.clear()
        if not self._writer.closing:
            self._on_reader_gone()
