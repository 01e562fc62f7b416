"""The text of a call as it is being written, cut where a voice may begin to say it.

For vendors that make sound of whatever they are given at once: word by word it would be said badly.
"""

from __future__ import annotations

from assistant.conversation.sentences import Sentences


class Phrases:
    """``push`` every piece, then ``flush``: they return phrases, without outer spaces, in order. Joined by single
    spaces they are the text: sentences, the first one perhaps a clause. No phrase is without a letter or a figure."""

    def __init__(self) -> None:
        self.text = ""
        """All of it so far."""
        self._sentences = Sentences()
        self._cut = 0

    def push(self, piece: str) -> list[str]:
        self.text += piece
        phrases = [self._take(self._end_of(said)) for said in self._sentences.push(piece)]
        return [phrase for phrase in phrases if phrase]

    def flush(self) -> list[str]:
        """The text is over."""
        phrase = self._take(len(self.text))
        return [phrase] if phrase else []

    def _end_of(self, said: str) -> int:
        """Where it ends in the text; where the text ends so far, if it was cleaned and is not there word for word.
        Spaces were cleaned in any case."""
        at = self._cut
        for letter in "".join(said.split()):
            while at < len(self.text) and self.text[at].isspace():
                at += 1
            if at == len(self.text) or self.text[at] != letter:
                return len(self.text)
            at += 1
        return at

    def _take(self, end: int) -> str:
        """Up to ``end``; nothing yet, where nothing in it can be said."""
        phrase = self.text[self._cut : end].strip()
        if not any(map(str.isalnum, phrase)):
            return ""
        self._cut = end
        return phrase
