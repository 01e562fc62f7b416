"""What is set to ring: timers and alarms, in the order in which they will."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

Kind = Literal["timer", "alarm"]

MOST = 100
"""So many may be set at once: more are a model's mistake, not a kitchen's."""


class TooMany(ValueError):
    """`MOST` are set already."""


@dataclass(frozen=True, slots=True)
class Entry:
    id: int
    """Never given twice in a session."""
    kind: Kind
    at: datetime
    """When it rings, with its zone. The wall clock decides, so that a computer that slept rings as soon as it wakes."""
    label: str
    """What the user calls it; "" for nothing."""
    say: str
    """What is said then."""


@dataclass(frozen=True, slots=True)
class Pending:
    entries: tuple[Entry, ...] = ()
    """The next to ring first; of those for the same moment, the one set first."""
    given: int = 0
    """The newest entry's id."""

    def set(self, kind: Kind, at: datetime, label: str, say: str) -> Pending:
        """With one more. Raises TooMany."""
        if len(self.entries) == MOST:
            raise TooMany(f"{MOST} timers and alarms are set already")
        entry = Entry(self.given + 1, kind, at, label, say)
        return Pending(tuple(sorted((*self.entries, entry), key=lambda one: (one.at, one.id))), entry.id)

    def cancel(self, id: object) -> Pending:
        """Without that one, where it is (still) there."""
        return replace(self, entries=tuple(entry for entry in self.entries if entry.id != id))

    def wait(self, now: datetime) -> float:
        """Seconds until the next one rings: inf for never, 0 for one that is late."""
        return max(0.0, (self.entries[0].at - now).total_seconds()) if self.entries else math.inf

    def due(self, now: datetime) -> tuple[Pending, tuple[Entry, ...]]:
        """What is left at ``now``, and what rings, in its order."""
        ringing = tuple(entry for entry in self.entries if entry.at <= now)
        return replace(self, entries=self.entries[len(ringing) :]), ringing


def unrung(entries: tuple[Entry, ...], now: datetime) -> str:
    """One sentence about those that the session's end comes before; "" when there are none."""
    if not entries:
        return ""
    return f"the session is over, and this will not ring: {', '.join(_described(entry, now) for entry in entries)}"


def _described(entry: Entry, now: datetime) -> str:
    at = entry.at.astimezone(now.tzinfo)
    day = "" if at.date() == now.date() else f" on {at:%Y-%m-%d}"
    name = f' "{entry.label}"' if entry.label else ""
    return f"the {entry.kind}{name} due at {at:%H:%M}{day}"
