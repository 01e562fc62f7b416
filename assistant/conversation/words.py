"""Where the words of a text are."""

from __future__ import annotations

import re

__all__ = ["WIDE", "spans"]

WIDE = "\u2e80-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef"
"""Ranges of the scripts that are written without spaces: there a character counts as a word."""
_WORD = re.compile(
    rf"[\u3000-\u303f\uff00-\uff0f“「『]*[{WIDE}][\u3000-\u303f\uff00-\uff0f\uff1a-\uff1f”]*|[^\s{WIDE}]+"
)
_SPEAKABLE = re.compile(r"[^\W_]")


def spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of each word in ``text``, in order. Punctuation belongs to the word it touches; marks that stand
    alone (a dash between spaces) belong to none."""
    return [match.span() for match in _WORD.finditer(text) if _SPEAKABLE.search(match.group())]
