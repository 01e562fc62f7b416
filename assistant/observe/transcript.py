"""What `parley listen` shows: one row an utterance, and on a terminal the one under way, growing in place."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TextIO

from assistant.ports import Notice

from ._screen import Screen
from ._text import clean, tail


class TranscriptView:
    """Observer: the words alone, on ``stream`` (standard output). Writes from a thread: Ctrl+S stalls nothing.

    ``on_reader_gone`` is called once, in the writer's thread, when nothing can be written any more.
    """

    def __init__(
        self, stream: TextIO, on_reader_gone: Callable[[], None], *, environ: Mapping[str, str] = os.environ
    ) -> None:
        stream.flush()
        encoding = stream.encoding or "utf-8"
        self._terminal = stream.isatty() and environ.get("TERM") != "dumb"
        self._ellipsis = "…" if encoding.lower().replace("-", "") == "utf8" else "..."
        self._screen = Screen(stream.fileno(), encoding, on_reader_gone, in_place=self._terminal)
        self.heard = False
        """Somebody spoke."""
        self.understood = False
        """There are words of it."""
        self._texts: dict[int | None, str] = {}
        """Turn -> what is understood of it so far, for the turns that are not over."""

    def notice(self, notice: Notice) -> None:
        match notice.event:
            case "user.speech_started":
                self.heard = True
            case "user.transcript.partial" | "user.transcript.final":
                self._texts[notice.turn] = clean(str(notice.data.get("text", "")))
                self._show()
            case "user.speech_ended":
                text = self._texts.pop(notice.turn, "")
                self.understood |= bool(text)
                self._show([text] if text else [])
            case "warning":
                self._show([f"({clean(str(notice.data.get('message', '')))})"])
            case "session.ended":
                rows = [text for text in self._texts.values() if text]
                self._texts.clear()
                self._show(rows)

    def close(self) -> None:
        """Print what is pending. Waits for the terminal at most half a second."""
        self._screen.close()

    def _show(self, rows: list[str] | None = None) -> None:
        live = next(reversed(self._texts.values()), "") if self._texts else ""
        # The last column stays free: what a terminal does after filling it differs between terminals.
        self._screen.print(rows or [], tail(live, max(1, self._screen.columns() - 1), self._ellipsis))
