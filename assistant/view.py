"""What the user sees of a conversation: JSON events for programs, or the terminal view."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import anyio.from_thread
import anyio.lowlevel

from assistant.observe._text import failure
from assistant.observe._writer import Writer
from assistant.ports import Observer


@dataclass(frozen=True)
class View:
    observers: tuple[Observer, ...]
    line: Callable[[str], None]
    """Say something of the program's own, beside the conversation."""
    tells_failures: bool = False
    """Its observers show `provider.failed` by themselves."""

    def passed_over(self, stage: str, provider: str, error: str, following: str | None) -> None:
        """A provider cannot be opened: one line, unless nobody follows it, which ends the program with a sentence."""
        if following is not None:
            self.failed(stage, provider, error, following)

    def failed(self, stage: str, provider: str, error: str, following: str | None) -> None:
        """A provider's call failed: one line."""
        self.line(failure(stage, provider, error, following))


@contextmanager
def shown(*, json: bool, hidden: bool, nobody_reads: Callable[[], None]) -> Iterator[View]:
    """The view, for as long as the conversation lasts. Needs the running event loop.

    ``nobody_reads`` is called in the loop, once, when standard output can no longer be written.
    """
    token = anyio.lowlevel.current_token()

    def reader_gone() -> None:
        anyio.from_thread.run_sync(nobody_reads, token=token)

    with _stderr_line() as on_stderr:
        yield from _views(json, hidden, reader_gone, on_stderr)


def _views(
    json: bool, hidden: bool, reader_gone: Callable[[], None], on_stderr: Callable[[str], None]
) -> Iterator[View]:
    if hidden:
        yield View((), on_stderr)
    elif json:
        from assistant.observe.events import EventLines, claimed_stdout

        with claimed_stdout() as descriptor:
            lines = EventLines(descriptor, reader_gone)
            try:
                yield View((lines,), on_stderr)
            finally:
                lines.close()
    else:
        from assistant.observe.console import Console

        console = Console(sys.stdout, reader_gone)
        try:
            yield View((console,), console.line, tells_failures=True)
        finally:
            console.close()


@contextmanager
def _stderr_line() -> Iterator[Callable[[str], None]]:
    """Write lines on standard error without ever waiting for whoever reads it; one that nobody reads is lost."""
    lines: deque[bytes] = deque()
    writers: list[Writer] = []  # none while there is nothing to say, which is nearly always

    def write(text: str) -> None:
        lines.append(f"parley: {text}\n".encode())
        if not writers:
            writers.append(Writer(2, lambda: lines.popleft() if lines else b"", lambda error: None))
        writers[0].wake()

    try:
        yield write
    finally:
        for writer in writers:
            writer.close()
