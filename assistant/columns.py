"""Tables for people, in plain text: as wide as the terminal, cells wrapped, remarks under their row."""

from __future__ import annotations

import io
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from assistant.observe._text import clean, wrap
from assistant.observe._text import width as cells

Look = Literal["heading", "titles", "good", "plain", "remark"]

GAP = 2
"""Spaces between columns."""
LEAST = 8
"""Letters to which a column is narrowed before it counts as too narrow."""
MARGIN = 4
"""Letters before the first column, for the mark."""
_STYLES: Mapping[Look, str] = {
    "heading": "bold",
    "titles": "dim",
    "good": "green",
    "plain": "",
    "remark": "dim",
}


@dataclass(frozen=True, slots=True)
class Remark:
    text: str
    command: str = ""
    """To be typed: it is never broken."""

    def __str__(self) -> str:
        return f"{self.text}: {self.command}" if self.command else self.text


@dataclass(frozen=True, slots=True)
class Entry:
    """One row."""

    cells: tuple[str, ...]
    mark: str = ""
    """One letter before it."""
    remarks: tuple[Remark, ...] = ()
    """Under it, a line or more each."""
    look: Look = "plain"


Line = tuple[str, Look]


def lines(titles: Sequence[str], entries: Sequence[Entry], width: int) -> Iterator[Line]:
    """The titles and the entries within ``width`` letters. A column without any text is left out; the first, whose
    words are to be typed, is never narrowed."""
    kept = [at for at in range(len(titles)) if any(entry.cells[at] for entry in entries)]
    table = [[titles[at] for at in kept], *([clean(entry.cells[at]) for at in kept] for entry in entries)]
    widths = _widths(table, width - MARGIN)
    yield from ((text, "titles") for text in _row(table[0], widths, ""))
    for entry, row in zip(entries, table[1:], strict=True):
        yield from ((text, entry.look) for text in _row(row, widths, entry.mark))
        for remark in entry.remarks:
            yield from ((text, "remark") for text in _wrapped(remark, width))


def room() -> int:
    """Letters in a line: of the terminal, or of the variable COLUMNS; 80 where there is neither."""
    return max(shutil.get_terminal_size().columns, 40)


def show(lines: Iterable[Line]) -> None:
    """Write them to standard output, in colours on a terminal that has some."""
    out = sys.stdout
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(errors="replace")  # a name from anywhere must not break a narrow encoding
    if not out.isatty():
        out.write("".join(f"{text}\n" for text, _ in lines))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for text, look in lines:
        console.print(Text(text, _STYLES[look]), soft_wrap=True)


def _wrapped(remark: Remark, width: int) -> list[str]:
    """In lines of ``width`` at most; a command that does not fit behind its text has a line of its own."""
    indent = " " * (MARGIN + 2)
    whole = f"{indent}{clean(str(remark))}"
    if cells(whole) <= width:
        return [whole]
    text = clean(remark.text) + (":" if remark.command else "")
    broken = textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=f"{indent}  ", break_on_hyphens=False)
    return [*broken, *([f"{indent}  {clean(remark.command)}"] if remark.command else [])]


def _widths(table: Sequence[Sequence[str]], room: int) -> list[int]:
    """Of each column: what it needs, or less of the widest but the first where there is not room for all."""
    widths = [max(cells(row[at]) for row in table) for at in range(len(table[0]))]
    while sum(widths) + GAP * (len(widths) - 1) > room and max(widths[1:], default=0) > LEAST:
        widths[1 + widths[1:].index(max(widths[1:]))] -= 1
    return widths


def _row(row: Sequence[str], widths: Sequence[int], mark: str) -> Iterator[str]:
    columns = [[text[start:end] for start, end in wrap(text, size)] for text, size in zip(row, widths, strict=True)]
    for at in range(max(1, *map(len, columns))):
        parts = [column[at] if at < len(column) else "" for column in columns]
        padded = [part + " " * (size - cells(part)) for part, size in zip(parts, widths, strict=True)]
        yield f"{mark if at == 0 else '':>{MARGIN - 2}}  {(' ' * GAP).join(padded)}".rstrip()
