"""The sound over a reply, in the worker: when to look for a keyphrase in it.

A keyphrase is said alone: a voice, and quiet after it. That is known in the second quiet frame behind a voice; the
first may be the closure of a "p", which every other word has. But it is looked for in the first already, so that the
decoding hides in the wait, and what is found is told if the second is quiet too. And it is looked for only while the
voice is no longer than any phrase: whoever talks on wants something else, and has the floor anyway.
"""

from __future__ import annotations

from providers._sphinx_utterance import RATE, Utterance

SHORTEST, LONGEST = 0.55, 1.6
"""Seconds from the stretch's beginning, which is half a second before the voice's, to the last voice."""
PADDED = 512
"""Samples of the newest quiet that are decoded twice: they stand for the second frame, which has not come yet, and make
up for it (docs/measurements.md)."""
QUIET = 2
"""Frames without voice, after which what was found in the first of them holds."""


class Stretch:
    """Push frames; when it is `due`, decode its `sound`, and say what was `found`. A little later that is `certain`,
    or never."""

    def __init__(self) -> None:
        self._utterance = Utterance()
        self._quiet = 0
        """Frames since the last voice ..."""
        self._ended = 0
        """... and the sample in the stretch at which that ended."""
        self.due = False
        """A voice has just ended, and nobody has taken the sound since."""
        self.found: dict[str, object] | None = None
        """A keyphrase, in the sound that was taken. A voice behind it takes it back."""

    def push(self, pcm: bytes, level: float) -> None:
        """``pcm``: 16-bit samples; ``level``: their root mean square, 0 to 1."""
        self._utterance.push(pcm, level)
        if not self._utterance.quiet:
            self._quiet, self._ended, self.due, self.found = 0, self._utterance.samples, False, None
            return
        self._quiet += 1
        self.due = self.due or (self._quiet == 1 and SHORTEST <= self._ended / RATE <= LONGEST)

    def sound(self) -> tuple[bytes, int]:
        """What is to be decoded, and where in the stretch it begins (in samples)."""
        self.due = False
        pcm, start = self._utterance.sound()
        return pcm + pcm[-2 * PADDED :], start

    def certain(self) -> dict[str, object] | None:
        """What was found, once it has been quiet for long enough; told once."""
        if self._quiet < QUIET:
            return None
        found, self.found = self.found, None
        return found
