"""LLM deltas -> whole words, for a voice that takes text while it is being written."""

from __future__ import annotations

from .spoken import spoken

_MARKUP = "[<`*|"


class WordStream:
    """Cuts the stream at blanks. ``push`` every delta, then ``flush``; what they return, joined, is what is said.

    A stretch with markup in it (a link, a tag, emphasis) is held until the end of its line, to be cleaned whole.
    ``begun``: something was said before, so that even the first piece begins with a blank.
    """

    def __init__(self, *, begun: bool = False) -> None:
        self._kept = ""
        self._begun = begun

    def push(self, delta: str) -> list[str]:
        self._kept += delta
        end = self._kept.rfind("\n" if any(mark in self._kept for mark in _MARKUP) else " ")
        if end <= 0:
            return []
        whole, self._kept = self._kept[:end], self._kept[end:]
        return self._clean(whole)

    def flush(self) -> list[str]:
        whole, self._kept = self._kept, ""
        return self._clean(whole)

    def _clean(self, text: str) -> list[str]:
        said = " ".join(line for line in map(spoken, text.splitlines()) if line)
        if not said:
            return []
        if self._begun:
            said = " " + said
        self._begun = True
        return [said]
