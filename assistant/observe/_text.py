"""Text for a terminal: what it may hold, how many cells it takes, where it breaks."""

from __future__ import annotations

import re
import unicodedata

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]P^_X][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")
"""ECMA-48: control sequences, control strings (OSC, DCS, ...) and the short escapes."""

_BLANK = frozenset({"Cc", "Zl", "Zp", "Zs"})
_DROPPED = frozenset({"Cf", "Cs"})
_JOINERS = "\u200c\u200d"
"""Format characters that spell words and emoji; all others (bidi overrides, tags) can only deceive."""


def clean(text: str) -> str:
    """One line without escape sequences and control characters, each run of blanks made one space.

    What a recogniser or a model says must not steer the terminal.
    """
    if not (text.isascii() and text.isprintable()):
        text = _ESCAPE.sub("", text)
        kept = []
        for char in text:
            kind = unicodedata.category(char)
            if kind in _BLANK:
                kept.append(" ")
            elif kind not in _DROPPED or char in _JOINERS:
                kept.append(char)
        text = "".join(kept)
    return " ".join(text.split())


def width(text: str) -> int:
    """Cells that ``text`` (clean) takes on a terminal."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(char: str) -> int:
    if char.isascii():
        return 1
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def wrap(text: str, cells: int, rows: int | None = None) -> list[tuple[int, int]]:
    """Break ``text`` into rows of at most ``cells`` cells, as index ranges; between words where it can be. No more than
    the first ``rows`` of them, if given.

    The blank at a break belongs to no row. A character wider than ``cells`` has a row of its own.
    """
    laid: list[tuple[int, int]] = []
    start = 0
    while start < len(text) and (rows is None or len(laid) < rows):
        end, used, blank = start, 0, -1
        while end < len(text):
            used += _cells(text[end])
            if used > cells and end > start and text[end] != " ":
                break
            if text[end] == " ":
                blank = end
                if used > cells:
                    break
            end += 1
        if end == len(text):
            laid.append((start, end))
            break
        if blank > start:
            laid.append((start, blank))
            start = blank + 1
        else:
            laid.append((start, end))
            start = end
    return laid


def tail(text: str, cells: int, ellipsis: str = "…") -> str:
    """The end of ``text`` in at most ``cells`` cells, marked where its beginning is left out."""
    if width(text) <= cells:
        return text
    used, start = width(ellipsis), len(text)
    while start > 0 and used + _cells(text[start - 1]) <= cells:
        start -= 1
        used += _cells(text[start])
    while start < len(text) and _cells(text[start]) == 0:
        start += 1  # a mark without its letter
    return ellipsis + text[start:].lstrip()


def head(text: str, cells: int, ellipsis: str = "…") -> str:
    """The beginning of ``text`` in at most ``cells`` cells, marked where its end is left out."""
    if width(text) <= cells:
        return text
    used, end = width(ellipsis), 0
    while end < len(text) and used + _cells(text[end]) <= cells:
        used += _cells(text[end])
        end += 1
    return text[:end].rstrip() + ellipsis


def failure(stage: str, provider: str, error: str, following: str | None) -> str:
    """A provider's failed call, in the one wording that it has everywhere. Many errors begin with the name already."""
    then = f"going on with {following}" if following else "nobody is left to go on"
    return f"{stage} {provider} failed: {error.removeprefix(f'{provider}: ')}; {then}"
