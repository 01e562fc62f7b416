"""A reply as its words are heard: what has been said, what is still to come, where it was cut."""

from __future__ import annotations

REACH = 80
"""Characters ahead of the voice in which a word is looked for."""


class Spoken:
    """``text[:printed]`` has scrolled away, ``text[printed:spoken]`` was heard, the rest is still to come."""

    def __init__(self) -> None:
        self.text = ""
        self.spoken = 0
        self.printed = 0
        self.audible = False
        self.over = False
        self.interrupted = False
        self.rest = ""
        """What was still to come when it was cut off."""

    def sentence(self, text: str) -> None:
        """The next words that will be spoken."""
        self.text = f"{self.text} {text}" if self.text else text

    def word(self, word: str) -> None:
        """The next word was heard."""
        found = self.text.find(word, self.spoken, self.spoken + REACH)
        if found < 0:  # the engine spells it its own way ("twenty" for "20"), or told no sentence
            before, after = self.text[: self.spoken].rstrip(), self.text[self.spoken :].lstrip()
            found = len(before) + bool(before)
            self.text = " ".join(part for part in (before, word, after) if part)
        end = found + len(word)
        while end < len(self.text) and self.text[end] != " " and not self.text[end].isalnum():
            end += 1  # the punctuation after it
        self.spoken = end

    def finish(self, text: str) -> None:
        """All of it was heard; ``text`` is what was said."""
        if text and self.printed == 0:
            self.text = text
        self.spoken = len(self.text)
        self.over = True

    def cut(self, heard: str) -> None:
        """Only ``heard`` was heard of it. What has scrolled away was heard too, whatever ``heard`` says."""
        whole = self.text
        if heard.startswith(whole[: self.printed]):
            self.text = heard
        else:
            self.text = whole[: max(self.spoken, self.printed)]
        if whole.startswith(self.text):
            self.rest = whole[len(self.text) :].strip()
        self.spoken = len(self.text)
        self.over = self.interrupted = True
