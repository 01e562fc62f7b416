"""A plain mapping as TOML text."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}

Comment = Callable[[tuple[str, ...]], str]


def to_toml(table: Mapping[str, Any], comment: Comment | None = None) -> str:
    """TOML that reads back as ``table``.

    Values are str, bool, int, float, dates and times, mappings with text keys, lists and tuples of those. ``comment``
    may give a remark for the line of each value, by the value's path.
    """
    return "\n".join(_lines(table, (), comment)) + "\n"


def value_text(value: Any) -> str:
    """One value as it stands to the right of the equals sign."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return '"' + "".join(_ESCAPES.get(c) or (f"\\u{ord(c):04x}" if _control(c) else c) for c in value) + '"'
        case int():
            return str(value)
        case float():
            return repr(value) if math.isfinite(value) else str(value)  # nan, inf, -inf as TOML spells them
        case datetime.date() | datetime.time():
            return value.isoformat()
        case Mapping():
            return "{" + ", ".join(f"{_key(k)} = {value_text(v)}" for k, v in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(value_text(item) for item in value) + "]"
    raise TypeError(f"TOML has no {type(value).__name__}")


def _lines(table: Mapping[str, Any], path: tuple[str, ...], comment: Comment | None) -> Iterator[str]:
    # Plain values come first: after a sub-table's header they would belong to that table.
    for key, value in table.items():
        if not isinstance(value, Mapping):
            text = f"{_key(key)} = {value_text(value)}"
            remark = " ".join(comment((*path, key)).split()) if comment else ""
            yield f"{text:<40} # {remark}" if remark else text
    for key, value in table.items():
        if isinstance(value, Mapping):
            below = (*path, key)
            if not value or any(not isinstance(v, Mapping) for v in value.values()):
                yield ""
                yield f"[{'.'.join(map(_key, below))}]"
            yield from _lines(value, below, comment)


def _key(key: str) -> str:
    return key if _BARE.match(key) else value_text(key)


def _control(character: str) -> bool:
    return ord(character) < 0x20 or ord(character) == 0x7F
