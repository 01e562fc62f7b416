"""Where in a TOML text each key stands, since tomllib tells only values.

The text is known to be valid (tomllib has read it), so this walks it with a small cursor and need not judge anything.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

Path = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SCALAR = re.compile(r"[^,\]}#\n]*")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}' r"|'''.*?'{3,5}" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'",
    re.DOTALL,
)


def lines(text: str) -> dict[Path, int]:
    """The line (from 1) of each key of a valid TOML text.

    A table counts where its first header or first key stands. Inside arrays a path has the index:
    ``("a", 0, "b")``.
    """
    return _Walk(text.replace("\r\n", "\n")).found


def line_of(found: dict[Path, int], path: Path) -> int:
    """The line of ``path``, or of its nearest ancestor that has one; 1 when there is none."""
    for length in range(len(path), 0, -1):
        if path[:length] in found:
            return found[path[:length]]
    return 1


class _Walk:
    """One pass over the text; ``found`` is the result."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1
        self.found: dict[Path, int] = {}
        self._lengths: dict[Path, int] = {}
        table: Path = ()
        self._skip(_BLANK)
        while self.at < len(text):
            if text.startswith("[", self.at):
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            return ""
        self.line += match.group().count("\n")
        self.at = match.end()
        return match.group()

    def _note(self, path: Path) -> None:
        for length in range(1, len(path) + 1):
            self.found.setdefault(path[:length], self.line)

    def _keys(self) -> Iterator[str]:
        """A key, dotted or not. Stops before what follows it."""
        while True:
            self._skip(_SPACE)
            quoted = self._skip(_STRING)
            yield _unquote(quoted) if quoted else self._skip(_BARE)
            self._skip(_SPACE)
            if not self.text.startswith(".", self.at):
                return
            self.at += 1

    def _header(self) -> Path:
        many = self.text.startswith("[[", self.at)
        self.at += 2 if many else 1
        # A header goes through the newest element of every array of tables on its way.
        path: Path = ()
        for key in self._keys():
            if path in self._lengths:
                path = (*path, self._lengths[path] - 1)
            path = (*path, key)
        if many:
            self.found.setdefault(path, self.line)
            self._lengths[path] = self._lengths.get(path, 0) + 1
        if path in self._lengths:
            path = (*path, self._lengths[path] - 1)
        self._note(path)
        self.at += 2 if many else 1
        return path

    def _pair(self, table: Path) -> None:
        path = (*table, *self._keys())
        self._note(path)
        self.at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)

    def _value(self, path: Path) -> None:
        opening = self.text[self.at : self.at + 1]
        if opening == "{":
            self._inside(path, "}")
        elif opening == "[":
            self._inside(path, "]")
        elif not self._skip(_STRING):
            self._skip(_SCALAR)

    def _inside(self, path: Path, closing: str) -> None:
        """An inline table or an array, from its opening to its closing bracket."""
        self.at += 1
        index = 0
        self._skip(_BLANK)
        while not self.text.startswith(closing, self.at):
            if closing == "}":
                self._pair(path)
            else:
                self._note((*path, index))
                self._value((*path, index))
                index += 1
            self._skip(_BLANK)
            if self.text.startswith(",", self.at):
                self.at += 1
                self._skip(_BLANK)
        self.at += 1


def _unquote(text: str) -> str:
    return str(tomllib.loads(f"key = {text}")["key"])
