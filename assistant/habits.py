"""How long this user pauses, from session to session: one small file without words in it.

``pauses.json`` in the platform's state directory holds a version, a count and a mean. It is replaced as a whole, so
that it is never half written, and read again just before, so that of two conversations at once both count. A file
that is damaged, or of a later version, is as good as none and stays as it is until something new was learned.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path

from assistant.conversation.pauses import Habit
from assistant.kept import keep

VERSION = 1
FILE = "pauses.json"


def folder() -> Path:
    """Where programs keep what they learned, on this platform."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Application Support"
    else:
        base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "parley"


class Habits:
    """The file. Reading and writing it take well under a millisecond, and nothing here raises."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or folder() / FILE
        self._before = Habit()

    def load(self) -> Habit:
        """What is known; the habit of somebody unknown where there is no file, or none that can be read."""
        self._before = self._read()
        return self._before

    def learned(self, after: Habit) -> None:
        """Keep what a session made of the habit that it was given. A disk that takes nothing loses it."""
        now = self._read()
        if now != self._before:  # another conversation ended meanwhile
            after = now.joined(after.since(self._before))
        with suppress(OSError):
            self._write(after)

    def _read(self) -> Habit:
        try:
            known = json.loads(self._path.read_text("utf-8"))
            if known["version"] != VERSION:
                return Habit()
            return Habit(float(known["pauses"]), float(known["log_mean"]))
        except (OSError, ValueError, KeyError, TypeError):
            return Habit()

    def _write(self, habit: Habit) -> None:
        keep(self._path, {"version": VERSION, "pauses": habit.count, "log_mean": round(habit.log_mean, 4)})
