"""Where the words that a vendor tells of are in the text that it was given."""

from __future__ import annotations

from assistant.conversation.words import spans
from assistant.ports import SpokenWord

_WINDOW = 240
"""Characters of the text that are looked at for the next word."""
_AHEAD = 8
"""Words that may be passed over: a vendor may tell of a figure in other words than it is written in."""


class Placing:
    """One call's words, told in order. ``text`` may grow meanwhile."""

    def __init__(self) -> None:
        self.text = ""
        self._at = 0
        """What is before it in the text has been told of."""
        self._rest = ""
        """What of the last word is still to come."""

    def place(self, word: str, start: float) -> SpokenWord | None:
        """``word``: one word, the beginning of one, or more of the last one. ``start``: seconds from the first sample
        of the call. None for more of the last word, for what is not in the text, and for what is no word."""
        told = letters(word)
        if not told:
            return None
        if self._rest.startswith(told):
            self._rest = self._rest[len(told) :]
            return None
        self._rest = ""
        here = spans(self.text[self._at : self._at + _WINDOW])
        for index, (begin, end) in enumerate(here[:_AHEAD]):
            written = letters(self.text[self._at + begin : self._at + end])
            if written == told or (index == 0 and (written.startswith(told) or told.startswith(written))):
                placed = SpokenWord(start, self._at + begin, end - begin)
                self._rest = written[len(told) :]
                self._pass_over(here[index:], told)
                return placed
        return None

    def _pass_over(self, here: list[tuple[int, int]], told: str) -> None:
        """Go on behind the word; behind all of them, where the vendor takes several for one."""
        origin = self._at
        for begin, end in here:
            written = letters(self.text[origin + begin : origin + end])
            self._at = origin + end
            told = told[len(written) :]
            if not told:
                return


def letters(word: str) -> str:
    """Without case and punctuation, in which vendors differ from what they were given."""
    return "".join(filter(str.isalnum, word.casefold()))
