"""Which processing captured sound gets, and why: what "auto" means for echo cancelling and noise suppression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from assistant.audio.modes import MODES, Choice, Mode

Setting = Literal["auto", "on", "off"]

AT_THE_EAR = ("headphone", "headset", "earbud", "earphone", "airpods")
"""In the name of an output that no microphone hears."""


@dataclass(frozen=True, slots=True)
class Processing:
    echo: bool
    noise: bool
    why: str
    """One clause for the user: why echo cancelling is on or off."""
    unprotected: bool = False
    """The assistant would hear itself, and nothing takes that out: it must not listen while it speaks."""
    duck: bool = False
    """Some of the echo may come through: what is said over a reply makes it softer instead of holding it."""

    @property
    def mode(self) -> Mode:
        """As `assistant.audio.modes` has it. Where no echo is taken out because there is none, that is "full" too."""
        return "half" if self.unprotected else "duck" if self.duck else "full"


def choose_processing(
    echo_cancel: Setting,
    noise_suppression: Setting,
    *,
    room: bool,
    devices: bool,
    output: str,
    installed: bool,
    known: Choice | None = None,
) -> Processing:
    """``room``: a room is simulated. ``devices``: microphone and loudspeaker are both real; ``output`` is the latter's
    name. ``installed``: the package that does it is there. ``known``: what was chosen when this pair was measured."""
    if echo_cancel == "auto" and devices and known is not None:
        noise = noise_suppression == "on" or (noise_suppression == "auto" and known.cancel)
        return Processing(
            known.cancel, noise, f"measured: {known.why}", unprotected=known.mode == "half", duck=known.mode == "duck"
        )
    echo, why = _echo(echo_cancel, room=room, devices=devices, output=output)
    unprotected = False
    if echo and echo_cancel == "auto" and not installed:
        echo, why = False, "the package livekit is not installed: pip install 'parley-voice[echo]'"
        unprotected = True
    noise = noise_suppression == "on" or (noise_suppression == "auto" and echo)
    return Processing(echo, noise, why, unprotected)


def after_change(now: Processing, wanted: Processing) -> Choice | None:
    """A device has changed in the middle of a session: ``wanted`` is what the new pair would begin with. What the
    session is to do at once; None: nothing, for it is safe as it is. Echo cancelling is not begun in the middle."""
    if wanted.echo and not now.echo and not now.unprotected:
        return Choice("half", False, "this loudspeaker is heard by the microphone")
    if MODES.index(wanted.mode) > MODES.index(now.mode):
        return Choice(wanted.mode, now.echo, wanted.why.removeprefix("measured: "))
    return None


def _echo(setting: Setting, *, room: bool, devices: bool, output: str) -> tuple[bool, str]:
    if setting != "auto":
        return setting == "on", f'echo_cancel = "{setting}"'
    if room:
        return True, "a room is simulated"
    if not devices:
        return False, "the microphone does not hear the loudspeaker"
    if any(word in output.lower() for word in AT_THE_EAR):
        return False, f"{output} is heard by nobody else"
    return True, "the loudspeaker is heard by the microphone"
