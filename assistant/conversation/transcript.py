"""Partials -> a prefix that will not change any more and a tail that may.

A recogniser that is asked again and again about a growing recording changes its mind about the last words. What two
hypotheses in a row agree on is held to be settled ("local agreement": Liu, Spanakis, Niehues, *Low-Latency
Sequence-to-Sequence Speech Recognition and Translation by Partial Hypothesis Selection*, Interspeech 2020).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.conversation.meaning import plain_words, same_meaning
from assistant.conversation.words import WIDE

__all__ = ["Agreement", "contradicts", "same_meaning"]

_TOKEN = re.compile(rf"\s*(?:[{WIDE}]|[^\s{WIDE}]+)")
_PUNCTUATION = re.compile(r"[^\w']+")
_UNSURE_END = re.compile(r"[.,;:!?…。！？，、-]+$")


def contradicts(earlier: str, later: str) -> bool:
    """Does the newer hypothesis say something else? One that merely stops sooner does not: the words that it lacks may
    come back."""
    if same_meaning(earlier, later):
        return False
    words = plain_words(later)
    if words and words[-1] in ("a", "an", "the"):
        words.pop()  # that counts for nothing once another word follows
    return plain_words(earlier)[: len(words)] != words


class Agreement:
    """One utterance's hypotheses. Each is the whole utterance so far."""

    def __init__(self) -> None:
        self._stable: list[str] = []
        self._last: list[str] = []  # the hypothesis before, after the stable words

    def push(self, hypothesis: str | Sequence[str]) -> tuple[str, str]:
        """Take the next hypothesis (text, or its words) and return (stable, tail).

        The stable text only ever grows. Words agree when they differ only in case and punctuation; the newer spelling
        is kept, without the punctuation that recognisers put after whatever word is the last.
        """
        text = hypothesis if isinstance(hypothesis, str) else " ".join(hypothesis)
        tokens: list[str] = _TOKEN.findall(text)
        tail = tokens[self._stable_end(tokens) :]
        agreed = 0
        while agreed < min(len(tail), len(self._last)) and _bare(tail[agreed]) == _bare(self._last[agreed]):
            agreed += 1
        settled = tail[:agreed]
        if agreed and agreed == len(tail):
            settled[-1] = _UNSURE_END.sub("", settled[-1]) or settled[-1]
        self._stable += settled
        self._last = tail[agreed:]
        return self.stable, "".join(self._last).strip()

    @property
    def stable(self) -> str:
        """What has been agreed on so far."""
        return "".join(self._stable).strip()

    def _stable_end(self, tokens: list[str]) -> int:
        """How many of the tokens stand for the stable ones, which a later hypothesis may say in fewer or more words."""
        stable = self._stable
        same = 0
        while same < min(len(stable), len(tokens)) and _bare(stable[same]) == _bare(tokens[same]):
            same += 1
        if same == len(stable):
            return same
        ours, theirs = [_bare(word) for word in stable[same:]], [_bare(word) for word in tokens[same:]]
        return same + _best_prefix(ours, theirs)


def _bare(token: str) -> str:
    return _PUNCTUATION.sub("", token).casefold() or token.strip()


def _best_prefix(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """Length of the prefix of ``theirs`` that is nearest to ``ours`` by edit distance; of equals, the one nearest in
    length."""
    theirs = theirs[: 2 * len(ours) + 4]
    row = list(range(len(theirs) + 1))
    for count, word in enumerate(ours, 1):
        diagonal, row[0] = row[0], count
        for at, other in enumerate(theirs, 1):
            diagonal, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, diagonal + (word != other))
    return min(range(len(row)), key=lambda at: (row[at], abs(at - len(ours))))
