"""What was measured of the echo between a microphone and a loudspeaker, pair by pair: one small file.

``echo.json`` in the platform's state directory. It is replaced as a whole and read again just before, so that of two
programs at once both count. The pairs that were measured last are kept, PAIRS of them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from assistant.audio.modes import MODES, Mode
from assistant.habits import folder
from assistant.kept import keep

VERSION = 1
FILE = "echo.json"
PAIRS = 32


@dataclass(frozen=True, slots=True)
class Known:
    mode: Mode
    cancel: bool
    why: str
    """One clause."""
    installed: bool
    """The package that takes echo out was there; the choice stands only while that is so."""
    source: Literal["doctor", "conversation"] = "doctor"
    """Measured with test sounds, or overheard."""
    delay_ms: float | None = None
    return_loss_db: float | None = None
    erle_db: float | None = None


class Echoes:
    """The file. Reading and writing it take well under a millisecond."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or folder() / FILE
        self.trouble = ""
        """What is wrong with the file: a sentence; "" while nothing is."""
        self._later = False

    def of(self, input: str, output: str) -> Known | None:
        """What is known of the pair, by the devices' names."""
        return self._read().get((input, output))

    def remember(self, input: str, output: str, known: Known) -> None:
        """As the newest. A disk that takes nothing loses it, and `trouble` says so."""
        pairs = self._read()
        if self._later:  # what a later version knows is not thrown away
            return
        pairs.pop((input, output), None)
        pairs[input, output] = known
        newest = list(pairs.items())[-PAIRS:]
        listed = [{"input": pair[0], "output": pair[1], **asdict(one)} for pair, one in newest]
        try:
            keep(self.path, {"version": VERSION, "pairs": listed})
        except OSError as error:
            self.trouble = f"{self.path} cannot be written ({error.strerror}): what was measured is not remembered"

    def _read(self) -> dict[tuple[str, str], Known]:
        """In the order in which they were measured."""
        try:
            kept = json.loads(self.path.read_text("utf-8"))
            self._later = kept["version"] > VERSION
            if self._later:
                self.trouble = f"{self.path} is of a later version of Parley, and is not used"
                return {}
            return {(str(pair["input"]), str(pair["output"])): _known(pair) for pair in kept["pairs"]}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self.trouble = f"{self.path} is damaged, and is not used; measure again: parley doctor echo"
            return {}


def _known(pair: dict[str, Any]) -> Known:
    """Raises KeyError, TypeError or ValueError for what is none."""
    if pair["mode"] not in MODES or pair["source"] not in ("doctor", "conversation"):
        raise ValueError
    numbers = {name: None if pair[name] is None else float(pair[name]) for name in _NUMBERS}
    return Known(
        pair["mode"], bool(pair["cancel"]), str(pair["why"]), bool(pair["installed"]), pair["source"], **numbers
    )


_NUMBERS = ("delay_ms", "return_loss_db", "erle_db")
