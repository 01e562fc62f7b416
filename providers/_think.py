"""Takes a reasoning model's inline ``<think>...</think>`` out of a stream of text that may be cut anywhere."""

from __future__ import annotations

_OPEN = ("<think>", "<thinking>")
_CLOSE = ("</think>", "</thinking>")


class ThinkFilter:
    """Feed it pieces, speak what it returns. Text that may be the beginning of a tag is held back until it is known.

    What follows a thought loses its leading white space, as does the very beginning. An endless thought is dropped.
    A closing tag without an opening one (some templates put the opening one into the prompt) cannot be seen in time:
    the tag alone is dropped.
    """

    def __init__(self) -> None:
        self._held = ""
        self._inside = False
        self._fresh = True

    def feed(self, text: str) -> str:
        """Take the next piece and return what can be said."""
        self._held += text
        said = ""
        while True:
            tags = _CLOSE if self._inside else _OPEN + _CLOSE
            found = min(((at, tag) for tag in tags if (at := self._held.find(tag)) >= 0), default=None)
            if found is None:
                break
            at, tag = found
            if not self._inside:
                said += self._say(self._held[:at])
            self._held = self._held[at + len(tag) :]
            self._inside = tag in _OPEN
            self._fresh = self._fresh or not self._inside
        keep = _beginning(self._held, tags)
        if not self._inside:
            said += self._say(self._held[: len(self._held) - keep])
        self._held = self._held[len(self._held) - keep :]
        return said

    def end(self) -> str:
        """The stream is over: what was held back, if it can be said."""
        held, self._held = self._held, ""
        return "" if self._inside else self._say(held)

    def _say(self, text: str) -> str:
        if self._fresh:
            text = text.lstrip()
            self._fresh = not text
        return text


def _beginning(text: str, tags: tuple[str, ...]) -> int:
    """How many characters at the end of ``text`` may be the beginning of a tag."""
    longest = min(len(text), max(map(len, tags)) - 1)
    return next((n for n in range(longest, 0, -1) if any(tag.startswith(text[-n:]) for tag in tags)), 0)
