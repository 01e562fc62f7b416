"""What was understood beside what was said: word error rate, and which words differ. Pure.

The rate is the usual one: substituted, missing and added words of the best alignment (Levenshtein's, in words) over the
number of words said. Both sides are levelled first: one case, no punctuation, numbers in digits.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from assistant.conversation.numbers import digits

_WORD = re.compile(r"\d+(?:\.\d+)+|[^\W_]+(?:'[^\W_]+)*")
_DOTTED = re.compile(r"\b(?:[^\W\d_]\.){2,}")
"""p.m., U.S.A."""
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_SPACELESS = re.compile(r"([\u3040-\u30ff\u3400-\u9fff])")
"""Chinese and Japanese are written without spaces: there every character is a word."""

Kind = Literal["same", "substituted", "missing", "added"]


@dataclass(frozen=True, slots=True)
class Pair:
    """A word that was said beside the one understood in its place; "" where there is none."""

    said: str
    heard: str

    @property
    def kind(self) -> Kind:
        if self.said == self.heard:
            return "same"
        if not self.heard:
            return "missing"
        return "substituted" if self.said else "added"


@dataclass(frozen=True, slots=True)
class Errors:
    """Counted over some utterances."""

    words: int
    """Said."""
    substituted: int
    missing: int
    added: int

    @property
    def rate(self) -> float | None:
        """Over 1 where more was added than said; None where nothing was said."""
        return (self.substituted + self.missing + self.added) / self.words if self.words else None


def words(text: str) -> list[str]:
    """The words that count: "It's TWENTY-one, please!" -> ["it's", "21", "please"]."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("’", "'").replace("‘", "'")
    text = _DOTTED.sub(lambda found: found.group().replace(".", "") + " ", text)
    text = _SPACELESS.sub(r" \1 ", _THOUSANDS.sub("", text).replace("%", " percent "))
    if any(unicodedata.category(character)[0] == "M" for character in text):  # in India's scripts these are the vowels
        found = "".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in text).split()
    else:
        found = _WORD.findall(text)
    return digits(found)


def aligned(said: Sequence[str], heard: Sequence[str]) -> list[Pair]:
    """The pairs of the alignment with the fewest errors; of several, the one that substitutes first.

    Time and memory grow with the product of both lengths: a millisecond for two of forty words.
    """
    costs = [list(range(len(heard) + 1))]
    for row, word in enumerate(said, 1):
        above, here = costs[-1], [row]
        for before, other in enumerate(heard):
            here.append(min(above[before] + (word != other), above[before + 1] + 1, here[-1] + 1))
        costs.append(here)
    pairs: list[Pair] = []
    row, column = len(said), len(heard)
    while row or column:
        cost = costs[row][column]
        if row and cost == costs[row - 1][column] + 1:
            row -= 1
            pairs.append(Pair(said[row], ""))
        elif column and cost == costs[row][column - 1] + 1:
            column -= 1
            pairs.append(Pair("", heard[column]))
        else:
            row, column = row - 1, column - 1
            pairs.append(Pair(said[row], heard[column]))
    return pairs[::-1]


def errors(pairs: Iterable[Pair]) -> Errors:
    kinds = [pair.kind for pair in pairs]
    said = len(kinds) - kinds.count("added")
    return Errors(said, kinds.count("substituted"), kinds.count("missing"), kinds.count("added"))


def aligned_by_line(said: Sequence[str], heard: str) -> list[list[Pair]]:
    """The pairs of several utterances that were understood as one text, each utterance's own.

    A word that was added between two belongs to the first of them.
    """
    expected = [words(text) for text in said]
    pairs = aligned([word for line in expected for word in line], words(heard))
    found: list[list[Pair]] = [[] for _ in said]
    line, left = 0, len(expected[0])
    for pair in pairs:
        while pair.said and not left:
            line, left = line + 1, len(expected[line + 1])
        found[line].append(pair)
        left -= bool(pair.said)
    return found
