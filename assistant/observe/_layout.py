"""Rows of text with a speaker's name before them, in the terminal's width and colours."""

from __future__ import annotations

from collections.abc import Callable

from ._spoken import Spoken
from ._text import width, wrap

GUTTER = 8
"""Columns for the speaker's name."""
NARROW = 40
"""Columns below which the name stands before the text without a gutter."""
ENDLESS = 1_000_000
"""Cells of a line that is not for a terminal: it is never wrapped."""
AHEAD = 400
"""Characters of a reply that are laid out beyond the voice: more than any row shows."""

_STYLES = {"": "", "dim": "2", "you": "1;36", "parley": "1;32", "warn": "33"}

Spans = list[tuple[str, str]]
"""(style, text) pairs; a style is a key of _STYLES."""


class Page:
    """How rows look here. ``columns`` is asked again for every row, as windows are resized; None: not a terminal, so
    nothing is wrapped and there is no live row."""

    def __init__(self, columns: Callable[[], int] | None, *, colour: bool, unicode: bool) -> None:
        self.live = columns is not None
        self.ellipsis = "…" if unicode else "..."
        self.cut_mark = "┃" if unicode else "|"
        self.dot = " · " if unicode else " / "
        self._columns = columns
        self._colour = colour

    def paint(self, spans: Spans) -> str:
        return "".join(
            f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self._colour and _STYLES[style] and text else text
            for style, text in spans
        )

    def label(self, who: str, begun: bool = False) -> tuple[Spans, int]:
        """The start of a row of ``who`` (``begun``: not the first), and the cells left in it."""
        name = "" if begun else who
        if self._columns is None:
            return [("", _before(name))], ENDLESS
        columns = self._columns()
        narrow = _before(name) or ("  " if who else "")
        start = narrow if columns < NARROW else f"{name:>{GUTTER - 2}}  "
        # The last column stays free: what a terminal does after filling it differs between terminals.
        return [(who if who in _STYLES else "", start)], max(columns - 1 - len(start), 1)

    def indented(self, line: str) -> str:
        """A line that must stay one row: under the text if it fits there."""
        label, cells = self.label("")
        return line if width(line) > cells else label[0][1] + line

    def block(self, who: str, spans: Spans, note: str = "", *, begun: bool = False) -> list[str]:
        """Spans as rows for good. ``note`` goes dim to the right edge (to the end, where lines are endless)."""
        rows: list[str] = []
        text = "".join(text for _, text in spans)
        start = 0
        while start < len(text) or not rows:
            label, cells = self.label(who, begun or bool(rows))
            first, end = next(iter(wrap(text[start:], cells, rows=1)), (0, 0))
            row = _cut(spans, start + first, start + end)
            start += end
            while text[start : start + 1] == " ":
                start += 1
            if note and start >= len(text):
                gap = cells - sum(width(text) for _, text in row) - len(note)
                if self._columns is None:
                    row.append(("dim", f"  ({note})"))
                elif gap >= 2:
                    row.append(("dim", " " * gap + note))
                else:
                    rows.append(self.paint(label + row))
                    label, cells = self.label(who, begun=True)
                    row = [("dim", note.rjust(cells))]
            rows.append(self.paint(label + row))
        return rows

    # --- a reply while it is being spoken -----------------------------------------------------------------------------

    def voice_row(self, reply: Spoken) -> Spans:
        """The row in which the voice is: heard words, and dim the words to come."""
        label, cells = self.label("parley", reply.printed > 0)
        ahead = reply.text[reply.printed : max(reply.spoken, reply.printed) + AHEAD]
        start, end = next(iter(wrap(ahead, cells, rows=1)), (0, 0))
        heard = max(reply.spoken - reply.printed, 0)
        return [*label, ("", ahead[start : min(heard, end)]), ("dim", ahead[max(heard, start) : end])]

    def left_behind(self, reply: Spoken) -> list[str]:
        """The rows that the voice has left: they are printed for good now, and ``reply.printed`` moves on."""
        rows: list[str] = []
        while self._columns is not None:
            label, cells = self.label("parley", reply.printed > 0)
            laid = wrap(reply.text[reply.printed : max(reply.spoken, reply.printed) + AHEAD], cells, rows=2)
            if len(laid) < 2 or reply.spoken <= reply.printed + laid[0][1]:
                break
            start, end = laid[0]
            rows.append(self.paint([*label, ("", reply.text[reply.printed + start : reply.printed + end])]))
            reply.printed += laid[1][0]
        return rows


def _before(name: str) -> str:
    return f"{name}: " if name.isalpha() else f"{name} " if name else ""


def _cut(spans: Spans, start: int, end: int) -> Spans:
    """The part of ``spans`` between two indices of their joined text."""
    part: Spans = []
    for style, text in spans:
        piece = text[max(start, 0) : max(end, 0)]
        if piece:
            part.append((style, piece))
        start -= len(text)
        end -= len(text)
    return part
