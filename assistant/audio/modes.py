"""How to hold a conversation on a given pair of microphone and loudspeaker, decided from measurements. Pure.

- ``headphones``: the microphone does not hear the loudspeaker. Nothing need be taken out; the user may interrupt.
- ``full``: full duplex. The echo is taken out (or too soft to matter); the user may interrupt, which holds the reply.
- ``duck``: the same, but now and then a rest of echo passes for a voice: what is said over the reply makes it softer
  instead of holding it, until it is clear what it is.
- ``half``: half duplex. Too much of the echo comes through: the assistant does not listen while it speaks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Mode = Literal["headphones", "full", "duck", "half"]
MODES: tuple[Mode, ...] = get_args(Mode)
"""The most trusting first."""

INAUDIBLE = 50.0
"""dB of return loss from which there is no echo: a voice at -20 dBFS comes back at -70, under any room's noise."""
LONG = 0.3
"""Seconds from which on a hold is an interruption: it is heard as one."""
FAINT = 30.0
"""dB of return loss from which an echo is not worth a canceller that is not there: -50 dBFS of a voice at -20, where
Silero hears none over a room's noise. Nearer than that, whether it does depends on what is said."""
UNNOTICED = 0.5
"""Self-pauses a minute with which full duplex is what it should be: none in the seconds that are usually measured."""
SELDOM = 6.0
"""Interruptions a minute (one in the ten seconds that are measured) that ducking makes bearable; more are more than
chance. Ducking also makes the echo softer that was taken for a voice."""
WORKS, HARDLY = 10.0, 5.0
"""dB that a canceller takes off an echo when it works, and when it hardly does. WebRTC's takes 20 to 40 in every room
that was measured, 10 with a reference that is 80 ms late."""


@dataclass(frozen=True, slots=True)
class EchoPath:
    heard: bool
    """The microphone hears the loudspeaker."""
    delay: float | None = None
    """Seconds from the loudspeaker, as the program's clock has it, to the microphone."""
    return_loss: float | None = None
    """dB by which the echo is softer at the microphone than what is played (echo return loss)."""
    noise_dbfs: float = -120.0
    """What the microphone hears otherwise."""


@dataclass(frozen=True, slots=True)
class SelfHeard:
    """What became of the assistant's speech with nobody else there."""

    seconds: float
    """Of speech."""
    interruptions: int
    """Times that it would have been cut off, or held for longer than LONG."""
    pauses: int
    """Times that it would have been held for less."""

    @property
    def interruptions_a_minute(self) -> float:
        return 60 * self.interruptions / self.seconds if self.seconds else 0.0

    @property
    def pauses_a_minute(self) -> float:
        return 60 * self.pauses / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Choice:
    mode: Mode
    cancel: bool
    """Echo is taken out."""
    why: str
    """One clause."""


@dataclass(frozen=True, slots=True)
class Measured:
    path: EchoPath
    without: SelfHeard
    """What became of the assistant's speech without cancelling."""
    cancelled: SelfHeard | None = None
    """And with it; None: the package for it is not installed."""
    erle: float | None = None
    """dB that cancelling takes off the echo (echo return loss enhancement)."""


def choose(measured: Measured) -> Choice:
    path, without, with_it = measured.path, measured.without, measured.cancelled
    alone = without.interruptions + without.pauses
    if not path.heard or (alone == 0 and (path.return_loss or 0.0) >= INAUDIBLE):
        if alone == 0:
            return Choice("headphones", False, "the microphone does not hear the loudspeaker")
        # Nothing of the test sound arrives, and yet there are voices: somebody spoke, or a radio did.
        return Choice("full", with_it is not None, "no echo was found, but a voice that was not the assistant's")
    if with_it is None:
        if alone == 0 and (path.return_loss or 0.0) >= FAINT:
            return Choice("full", False, "the echo is too soft to be taken for a voice")
        return Choice("half", False, "there is an echo, and the package that takes it out is not installed")
    if with_it.interruptions == 0 and with_it.pauses_a_minute <= UNNOTICED:
        return Choice("full", True, "the echo is taken out")
    if with_it.interruptions_a_minute <= SELDOM:
        return Choice("duck", True, "a little of the echo comes through")
    return Choice("half", True, "too much of the echo comes through")


def safer(mode: Mode, cancel: bool, path: EchoPath, erle: float | None) -> Choice | None:
    """What a conversation should change to, from what was overheard in it; None: nothing. Never to a mode that trusts
    more: that a softly spoken sentence was not heard says nothing about the next."""
    found: Choice | None = None
    if not path.heard or (path.return_loss or 0.0) >= FAINT:
        return None
    if not cancel:
        found = Choice("half", False, "the microphone hears the loudspeaker after all")
    elif erle is not None and erle < HARDLY:
        found = Choice("half", True, "the echo is not taken out")
    elif erle is not None and erle < WORKS:
        found = Choice("duck", True, "the echo is hardly taken out")
    return found if found is not None and MODES.index(found.mode) > MODES.index(mode) else None
