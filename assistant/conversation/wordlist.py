"""Lists of words that can be read as text."""

from __future__ import annotations


def listed(text: str) -> frozenset[str]:
    """The words of ``text``, which are parted by spaces, as a set."""
    return frozenset(text.split())


def in_order(text: str) -> list[str]:
    """The words of ``text``, which are parted by spaces, in their order."""
    return text.split()
