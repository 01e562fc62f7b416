"""The sound over a reply, in the worker: when to look for a keyphrase in it.

A keyphrase is said alone: a voice, and quiet after it. So it is looked for in the second quiet frame behind a voice;
the first may be the closure of a "p", which every other word has. And it is looked for only while the voice is no
longer than any phrase: whoever talks on wants something else, and has the floor anyway.
"""

from __future__ import annotations

from providers._sphinx_utterance import RATE, Utterance

SHORTEST, LONGEST = 0.55, 1.6
"""Seconds from the stretch's beginning, which is half a second before the voice's, to the last voice."""
QUIET = 2
"""Frames without voice, in the last of which it is looked for."""


class Stretch:
    """Push frames, then ask whether it is `due`, and take its `sound`."""

    def __init__(self) -> None:
        self._utterance = Utterance()
        self._quiet = 0
        """Frames since the last voice ..."""
        self._ended = 0
        """... and the sample in the stretch at which that ended."""
        self.due = False

    def push(self, pcm: bytes, level: float) -> None:
        """``pcm``: 16-bit samples; ``level``: their root mean square, 0 to 1."""
        self._utterance.push(pcm, level)
        if not self._utterance.quiet:
            self._quiet, self._ended, self.due = 0, self._utterance.samples, False
            return
        self._quiet += 1
        self.due = self.due or (self._quiet == QUIET and SHORTEST <= self._ended / RATE <= LONGEST)

    def sound(self) -> tuple[bytes, int]:
        """What is to be decoded, and where in the stretch it begins (in samples)."""
        self.due = False
        return self._utterance.sound()
