"""Timers and alarms that have been set: which one is meant, and how they are called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from assistant.ports import SideEffect
from providers.offline.skill import Answer, Pending, Request

Kind = Literal["timer", "alarm"]

_FILLING = frozenset(
    ("a", "an", "the", "my", "for", "called", "named", "labelled", "labeled", "with", "of", "to", "about", "on", "that",
     "in", "is", "name", "label", "new", "another", "second", "one", "please", "at", "and", "up", "me", "again")
)  # fmt: skip
"""Words around a label that are no part of it."""
_LONGEST_LABEL = 8
_TURNED = {"my": "your", "me": "you", "mine": "yours", "myself": "yourself"}


def read(entries: Iterable[Mapping[str, Any]]) -> tuple[Pending, ...]:
    """What the option ``timers`` gave, the next to ring first. ``at`` may be a datetime or its ISO form."""
    found = []
    for entry in entries:
        at = entry["at"]
        at = datetime.fromisoformat(at) if isinstance(at, str) else at
        found.append(Pending(entry["id"], entry["kind"], at.astimezone() if at.tzinfo is None else at, entry["label"]))
    return tuple(sorted(found, key=lambda one: one.at))


def label(words: Sequence[str]) -> str | None:
    """What is left of ``words`` as a name for a timer: "for the pasta" is "pasta". None where it is too long."""
    kept = list(words)
    while kept and kept[0] in _FILLING:
        kept.pop(0)
    while kept and kept[-1] in _FILLING:
        kept.pop()
    return " ".join(kept) if len(kept) <= _LONGEST_LABEL else None


def reminder(label: str) -> str:
    """A label of several words as the end of an announcement: "call my mother" -> ": call your mother"."""
    words = [_TURNED.get(word, word) for word in label.split()]
    return f": {' '.join(words)}" if words else ""


def meant(request: Request, kind: Kind, which: str) -> list[Pending]:
    """All of that kind; only those whose label shares a word with ``which``, if there are any."""
    of_kind = [one for one in request.timers if one.kind == kind]
    wanted = {word for word in which.split() if word not in _FILLING}
    named = [one for one in of_kind if wanted & set(one.label.split())]
    return named or of_kind


def cancelled(request: Request, kind: Kind, which: str, everything: bool, name: Callable[[Pending], str]) -> Answer:
    """The answer to "cancel the timer"; where it is not clear which of several is meant, a question instead."""
    found = meant(request, kind, which)
    if not found:
        return Answer((f"There is no {kind} to cancel.",))
    if len(found) > 1 and not everything:
        names = " and ".join(name(one) for one in found)
        return Answer((f"There are {len(found)} {kind}s, {names}.", f"You can cancel one of them, or all {kind}s."))
    effects = tuple(SideEffect("cancel", {"id": one.id}) for one in found)
    if len(found) > 1:
        return Answer((f"All {len(found)} {kind}s are cancelled.",), effects)
    return Answer((f"{_capital(name(found[0]))} is cancelled.",), effects)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
