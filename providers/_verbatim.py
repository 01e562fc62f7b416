"""Has a voice that is a language model said the text that it was given? Its transcript is held against the text.

Only what recognisers and writers do differently is levelled, as everywhere in Parley: case, punctuation, fillers,
articles, contractions, numbers. A figure that is read aloud is written out in languages whose numbers Parley cannot
read, so a figure is never what makes a difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from assistant.conversation.meaning import plain_words, same_meaning

__all__ = ["begins", "verbatim"]

ENOUGH = 4
"""Words by which a beginning is judged."""
LOOKED_AT = 200
"""Characters of the text that hold them."""
STRAY = 1
"""Of them, how many may be others: a name or an abbreviation is written in more than one way."""


def verbatim(said: str, text: str) -> bool:
    """``said`` is ``text``, spoken."""
    if same_meaning(said, text):
        return True
    wanted, heard = plain_words(text), plain_words(said)
    return all(
        kind == "equal" or (start < end and heard_start < heard_end and any(map(_figure, wanted[start:end])))
        for kind, start, end, heard_start, heard_end in _compared(wanted, heard)
    )


def begins(said: str, text: str) -> bool | None:
    """``said``, the beginning of a transcript, may be the beginning of ``text``, spoken. None: too little to tell.

    The last word of what was said so far is left out, since more letters may follow; and so is the one before, which
    more words may turn into another number; unless that is all of ``text``.
    """
    wanted = plain_words(text[:LOOKED_AT])
    if plain_words(said) == wanted:
        return True
    heard = plain_words(said.rpartition(" ")[0] or said)[:-1]
    if len(heard) < min(ENOUGH, len(wanted)):
        return None
    heard = heard[:ENOUGH]
    first = wanted[: ENOUGH + STRAY]
    matched = sum(end - start for kind, start, end, *_ in _compared(first, heard) if kind == "equal")
    return len(heard) - matched <= STRAY or any(map(_figure, first))


def _compared(wanted: list[str], heard: list[str]) -> Sequence[tuple[str, int, int, int, int]]:
    return SequenceMatcher(None, wanted, heard, autojunk=False).get_opcodes()


def _figure(word: str) -> bool:
    return any(map(str.isdigit, word))
